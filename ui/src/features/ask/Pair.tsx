import { Button, Group, Skeleton, Text } from "@mantine/core";
import { useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Trouble } from "@/app/Trouble";
import { AnswerText } from "./AnswerText";
import { useAnswering, type Live } from "./live";
import { firstIsLeft, useChoose } from "./pair";
import css from "./Pair.module.css";
import { SECOND, type Place } from "./source";
import type { Citation, Claim } from "./types";
import { UsedFor } from "./UsedFor";

interface First {
  trace: string;
  text: string;
  citations: readonly Citation[];
  claims: readonly Claim[];
  done: boolean;
}

interface PairProps {
  n: number;
  first: First;
  second: Live;
  onCite: (turn: Place, n: number) => void;
}

/** Two answers to one question, whose is whose not told, and the choice between them. */
export function Pair({ n, first, second, onCite }: PairProps) {
  const { t } = useTranslation("ask");
  const other = useAnswering(second);
  const choose = useChoose(n, useParams({ strict: false }).talk ?? "", first.trace, second);
  const sides = [
    { side: "first" as const, place: n, writing: !first.done, ...first },
    { side: "second" as const, place: `${n}${SECOND}`, writing: other.phase !== "done", text: other.answer?.answer ?? other.text, citations: other.citations, claims: other.answer?.claims ?? other.claims },
  ];
  if (!firstIsLeft(first.trace)) sides.reverse();
  const ready = first.done && other.phase === "done";
  return (
    <section aria-label={t("pair.title")} className={css.pair} aria-busy={!ready}>
      <div className={css.sides}>
        {sides.map(({ side, place, text, citations, claims, writing }, at) => (
          <section key={side} className={css.side} aria-label={t("pair.answer", { letter: "AB"[at] })}>
            <Text size="sm" fw={650} c="var(--soft)">{t("pair.answer", { letter: "AB"[at] })}</Text>
            {text ? <AnswerText text={text} citations={citations} claims={claims} writing={writing} onCite={(one) => onCite(place, one)} /> : <><Skeleton h={14} /><Skeleton h={14} w="70%" /></>}
          </section>
        ))}
      </div>
      <Text size="sm" role="status">{ready ? <><b>{t("pair.title")}</b> {t("pair.choose")}</> : t("pair.writing")}</Text>
      <Group gap="xs">
        {sides.map(({ side }, at) => (
          <Button key={side} variant="default" disabled={!ready} loading={choose.isPending && choose.variables === side} onClick={() => choose.mutate(side)}>{t("pair.better", { letter: "AB"[at] })}</Button>
        ))}
        <Button variant="subtle" color="gray" disabled={!ready} loading={choose.isPending && choose.variables === "equal"} onClick={() => choose.mutate("equal")}>{t("pair.equal")}</Button>
      </Group>
      {choose.error ? <Trouble error={choose.error} /> : null}
      <UsedFor />
    </section>
  );
}
