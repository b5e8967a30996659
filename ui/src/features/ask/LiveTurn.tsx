import { Group, Loader, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Trouble } from "@/app/Trouble";
import { AnswerText } from "./AnswerText";
import { useAnswering, useSecond, type Live } from "./live";
import { Pair } from "./Pair";
import { Question } from "./Question";
import type { Place } from "./source";
import css from "./Turn.module.css";

interface LiveTurnProps {
  live: Live;
  n: number;
  onCite: (turn: Place, n: number) => void;
  onAgain: () => void;
}

/** The answer being made: the one part of the page that changes with each piece of it. */
export function LiveTurn({ live, n, onCite, onAgain }: LiveTurnProps) {
  const { t } = useTranslation("ask");
  const now = useAnswering(live);
  const second = useSecond(now.trace);
  const at = now.phase === "searching" ? t("live.searching") : now.phase === "writing" && now.text === "" ? t("live.reading", { count: now.found.length }) : now.phase === "checking" ? t("live.checking") : "";
  return (
    <article className={css.turn} aria-busy={now.phase !== "failed"} data-live>
      <Question text={now.question} />
      {second && now.text && now.phase !== "failed" ? (
        <Pair n={n} first={{ trace: now.trace ?? "", text: now.text, citations: now.citations, claims: now.claims, done: false }} second={second} onCite={onCite} />
      ) : now.text ? <AnswerText text={now.text} citations={now.citations} claims={now.claims} writing={now.phase === "writing"} onCite={(one) => onCite(n, one)} /> : null}
      {now.problem ? <Trouble error={now.problem} again={onAgain} /> : null}
      {at ? (
        <Group gap="xs" role="status">
          <Loader size="xs" type="dots" />
          <Text className={css.found}>{at}</Text>
        </Group>
      ) : null}
      {now.phase === "writing" && now.text === "" && now.found.length ? <Text className={css.found} lineClamp={2}><bdi>{now.found.slice(0, 5).join(" · ")}</bdi></Text> : null}
    </article>
  );
}
