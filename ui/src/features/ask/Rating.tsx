import { ActionIcon, Button, Text } from "@mantine/core";
import { useIntersection } from "@mantine/hooks";
import { IconThumbDown, IconThumbDownFilled, IconThumbUp, IconThumbUpFilled } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Trouble } from "@/app/Trouble";
import { hint } from "@/primitives/Hints";
import { ofAnswer, useRate, useRatings, useRetract } from "./rating";
import { RatingDetails } from "./RatingDetails";

const FULL = { flexBasis: "100%", paddingInlineStart: "0.35rem" };

/** A thumb is enough. More can be said then, and all of it be taken back. */
export function Rating({ trace, answer }: { trace: string; answer: string }) {
  const { t } = useTranslation("ask");
  // A long conversation is looked at bit by bit, and its ratings are read so.
  const { ref, entry } = useIntersection();
  const [seen, setSeen] = useState(false);
  if (entry?.isIntersecting && !seen) setSeen(true);
  const ratings = useRatings(trace, seen);
  const [open, setOpen] = useState(false);
  const rate = useRate(trace);
  const retract = useRetract(trace);
  const kept = ofAnswer(ratings.data);
  const thumb = (value: 1 | -1) => {
    setOpen(true);
    rate.mutate({ target: { kind: "answer" }, value, reasons: [], comment: kept?.comment ?? "", correction: kept?.correction ?? null });
  };
  const thumbs = [
    { value: 1, label: t("rate.up"), sign: kept?.value === 1 ? IconThumbUpFilled : IconThumbUp },
    { value: -1, label: t("rate.down"), sign: kept?.value === -1 ? IconThumbDownFilled : IconThumbDown },
  ] as const;
  return (
    <>
      <span ref={ref} />
      {thumbs.map(({ value, label, sign: Sign }) => (
        <ActionIcon key={value} {...hint(label)} aria-label={label} aria-pressed={kept?.value === value} data-thumb={value} color={kept?.value === value ? "slate" : "gray"} onClick={() => thumb(value)}>
          <Sign size={18} stroke={1.7} />
        </ActionIcon>
      ))}
      {kept ? (
        <>
          <Text size="sm" c="var(--soft)" role="status" ml={4}>{t("rate.thanks")}</Text>
          <Button size="compact-xs" variant="subtle" onClick={() => setOpen(!open)} aria-expanded={open}>{open ? t("rate.less") : t("rate.more")}</Button>
          <Button
            size="compact-xs"
            variant="subtle"
            color="gray"
            data-undo
            loading={retract.isPending}
            onClick={() => {
              setOpen(false);
              retract.mutate(kept.id);
            }}
          >
            {t("rate.undo")}
          </Button>
        </>
      ) : null}
      {rate.error ?? retract.error ? <div style={FULL}><Trouble error={rate.error ?? retract.error} /></div> : null}
      {kept && open ? <div style={FULL}><RatingDetails key={kept.value} trace={trace} answer={answer} kept={kept} /></div> : null}
    </>
  );
}
