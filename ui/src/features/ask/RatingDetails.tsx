import { Button, Chip, Group, Stack, Text, Textarea } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Trouble } from "@/app/Trouble";
import { MissingDocument } from "./MissingDocument";
import { useRate, type Feedback, type Reason } from "./rating";
import css from "./Turn.module.css";
import { UsedFor } from "./UsedFor";

const REASONS: Reason[] = ["wrong_fact", "not_in_sources", "missed_document", "outdated_source", "incomplete", "wrong_refusal", "should_refuse", "style", "unsafe"];

/** What may be said beside a thumb: why, in words, what would have been right, what was missing. */
export function RatingDetails({ trace, answer, kept }: { trace: string; answer: string; kept: Feedback }) {
  const { t } = useTranslation("ask");
  const [reasons, setReasons] = useState<string[]>(kept.reasons);
  const [comment, setComment] = useState(kept.comment);
  const [right, setRight] = useState(kept.correction?.text ?? null);
  const rate = useRate(trace);
  const down = kept.value === -1;
  const send = () =>
    rate.mutate({
      target: { kind: "answer" },
      value: kept.value ?? null,
      reasons: REASONS.filter((one) => reasons.includes(one)),
      comment,
      correction: right?.trim() ? { text: right, chunk_ids: [] } : null,
    });
  return (
    <Stack gap="sm" className={css.box}>
      {down ? (
        <Chip.Group multiple value={reasons} onChange={setReasons}>
          <Group gap={6} role="group" aria-label={t("rate.why")}>
            {REASONS.map((one) => <Chip key={one} value={one} size="xs">{t(`reason.${one}`)}</Chip>)}
          </Group>
        </Chip.Group>
      ) : null}
      <Textarea label={t("rate.comment")} autosize minRows={1} maxRows={6} maxLength={10_000} value={comment} onChange={(event) => setComment(event.currentTarget.value)} />
      {right === null ? null : (
        <Textarea label={t("rate.correction")} autosize minRows={2} maxRows={10} maxLength={20_000} value={right} onChange={(event) => setRight(event.currentTarget.value)} />
      )}
      {rate.error ? <Trouble error={rate.error} /> : null}
      <Group gap="xs">
        <Button size="xs" onClick={send} loading={rate.isPending}>{t("rate.send")}</Button>
        {right === null ? <Button size="xs" variant="default" onClick={() => setRight(answer)}>{t("rate.correct")}</Button> : null}
        {rate.isSuccess ? <Text size="sm" role="status">{t("rate.kept")}</Text> : null}
      </Group>
      {down ? <MissingDocument trace={trace} label={t("missing.label")} /> : null}
      <UsedFor />
    </Stack>
  );
}
