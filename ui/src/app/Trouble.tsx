/** How a problem is told, everywhere: the server's words, or ours where it has none. */
import { useTranslation } from "react-i18next";
import { asProblem, type Problem } from "@/api/problem";
import { Note } from "@/primitives/Note";

export function Trouble({ error, again }: { error: unknown; again?: (() => void) | undefined }) {
  const { t } = useTranslation();
  const problem = asProblem(error);
  return (
    <Note
      title={useTitle(problem)}
      detail={problem.code === "unreachable" ? t("problem.unreachableTell") : problem.code === "cut" ? t("problem.cutTell") : problem.message}
      hint={problem.hint}
      act={again && { label: t("problem.again"), run: again }}
    />
  );
}

function useTitle(problem: Problem): string {
  const { t } = useTranslation();
  if (problem.code === "unreachable") return t("problem.unreachable");
  if (problem.code === "cut") return t("problem.cut");
  if (problem.status === 403) return t("problem.forbidden");
  // What a server calls it ("Unprocessable Entity") helps nobody.
  return t("problem.title");
}
