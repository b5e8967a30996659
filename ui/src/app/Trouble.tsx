/** How a problem is told, everywhere: the server's words, or ours where it has none. */
import { useTranslation } from "react-i18next";
import { asProblem, type Problem } from "@/api/problem";
import { useSaid } from "./said";
import { Note } from "@/primitives/Note";

/** Codes of the server that say more than that it failed; the rest have no title of their own. */
const KINDS = ["not_found", "unauthenticated", "conflict", "too_soon", "rate_limited", "budget", "too_large", "storage_full", "unavailable", "locked", "source", "internal"] as const;

export function Trouble({ error, again }: { error: unknown; again?: (() => void) | undefined }) {
  const { t } = useTranslation();
  const told = useSaid();
  const problem = asProblem(error);
  return (
    <Note
      title={useTitle(problem)}
      detail={problem.code === "unreachable" ? t("problem.unreachableTell") : problem.code === "cut" ? t("problem.cutTell") : told(problem.message)}
      hint={told(problem.hint)}
      act={again && { label: t("problem.again"), run: again }}
    />
  );
}

function useTitle(problem: Problem): string {
  const { t } = useTranslation();
  if (problem.code === "unreachable") return t("problem.unreachable");
  if (problem.code === "cut") return t("problem.cut");
  if (problem.status === 403) return t("problem.forbidden");
  const kind = KINDS.find((one) => one === problem.code);
  if (kind) return t(`problem.kind.${kind}`);
  // What a server calls it ("Unprocessable Entity") helps nobody.
  return t("problem.title");
}
