import { ActionIcon, Group, Text } from "@mantine/core";
import { IconCheck, IconCopy, IconPencil, IconRefresh } from "@tabler/icons-react";
import { memo } from "react";
import { useTranslation } from "react-i18next";
import { hint } from "@/primitives/Hints";
import { Abstention } from "./Abstention";
import { AnswerText } from "./AnswerText";
import { Conflicts } from "./Conflicts";
import { useCopy } from "@/app/clipboard";
import { withCitations } from "./copy";
import { Question } from "./Question";
import { Rating } from "./Rating";
import { Sources } from "./Sources";
import css from "./Turn.module.css";
import { useOpened } from "./opened";
import { Pair } from "./Pair";
import { Preferred } from "./Preferred";
import { useSecond } from "./live";
import type { Place } from "./source";
import type { Turn } from "./types";

export interface TurnActs {
  onCite: (turn: Place, n: number) => void;
  /** Absent where one may only read. */
  onAgain?: (question: string) => void;
  onEdit?: (question: string) => void;
}

/** A question with its answer. It changes only when its turn does. */
export const TurnView = memo(function TurnView({ turn, onCite, onAgain, onEdit }: { turn: Turn } & TurnActs) {
  const { t } = useTranslation("ask");
  const answered = typeof turn.answer === "string" && turn.answer !== "";
  const own = onAgain !== undefined;
  const opened = useOpened(own && turn.state === "answered" ? turn.trace_id : null);
  const cite = (n: number) => {
    opened(n);
    onCite(turn.n, n);
  };
  const second = useSecond(own ? turn.trace_id : null);
  if (second && answered && turn.state === "answered")
    return (
      <article className={css.turn} data-turn={turn.n} aria-label={t("turn.label", { n: turn.n })}>
        <Question text={turn.question} />
        <Pair n={turn.n} first={{ trace: turn.trace_id ?? "", text: turn.answer ?? "", citations: turn.citations, claims: turn.claims, done: true }} second={second} onCite={onCite} />
      </article>
    );
  return (
    <article className={css.turn} data-turn={turn.n} aria-label={t("turn.label", { n: turn.n })}>
      <Question text={turn.question} />
      {turn.standalone ? <Text size="xs" c="var(--soft)" className={css.note}>{t("turn.standalone", { question: turn.standalone })}</Text> : null}
      {answered ? <AnswerText text={turn.answer ?? ""} citations={turn.citations} claims={turn.claims} onCite={cite} /> : null}
      {turn.state !== "answered" || !answered ? <Text c="var(--soft)" size="sm">{turn.withheld ? t("turn.withheld") : t(`turn.${turn.state}`)}</Text> : null}
      {turn.removed ? <Text c="var(--soft)" size="sm">{t("turn.removed", { count: turn.removed })}</Text> : null}
      <Conflicts conflicts={turn.conflicts} onCite={cite} />
      {turn.abstained && own && turn.trace_id ? <Abstention trace={turn.trace_id} searched={turn.searched ?? []} /> : null}
      {turn.citations.length ? <Sources citations={turn.citations} trace={own && turn.state === "answered" ? turn.trace_id : null} onCite={cite} /> : null}
      <Group gap={4} className={css.acts}>
        {answered ? <Copy turn={turn} /> : null}
        {own ? (
          <>
            <ActionIcon {...hint(t("turn.again"))} aria-label={t("turn.again")} onClick={() => onAgain(turn.question)}><IconRefresh size={18} stroke={1.7} /></ActionIcon>
            <ActionIcon {...hint(t("turn.edit"))} aria-label={t("turn.edit")} onClick={() => onEdit?.(turn.question)}><IconPencil size={18} stroke={1.7} /></ActionIcon>
          </>
        ) : null}
        {own && turn.trace_id && turn.state === "answered" && answered ? <Rating trace={turn.trace_id} answer={turn.answer ?? ""} /> : null}
      </Group>
      {answered && turn.model && !turn.abstained ? <About turn={turn} /> : null}
      {own && turn.trace_id ? <Preferred n={turn.n} trace={turn.trace_id} /> : null}
    </article>
  );
});

function Copy({ turn }: { turn: Turn }) {
  const { t } = useTranslation("ask");
  const { copied, copy } = useCopy();
  return (
    <ActionIcon {...hint(copied ? t("turn.copied") : t("turn.copy"))} aria-label={t("turn.copy")} onClick={() => copy(withCitations(turn))}>
      {copied ? <IconCheck size={18} /> : <IconCopy size={18} stroke={1.7} />}
    </ActionIcon>
  );
}

function About({ turn }: { turn: Turn }) {
  const { t } = useTranslation("ask");
  const told = [
    turn.model === "extractive" ? t("about.quoted") : t("about.model", { model: turn.model }),
    typeof turn.support === "number" ? t("about.support", { percent: Math.round(turn.support * 100) }) : "",
    turn.cached ? t("about.cached") : "",
  ];
  return <Text size="xs" c="var(--soft)">{told.filter(Boolean).join(" · ")}</Text>;
}
