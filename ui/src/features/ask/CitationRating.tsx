import { ActionIcon, Group } from "@mantine/core";
import { IconClockX, IconThumbDown, IconThumbUp } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { hint } from "@/primitives/Hints";
import { ofCitation, useRate, useRatings, useRetract, type Reason } from "./rating";

const MARKS = [
  { key: "helped", value: 1, reasons: [], icon: IconThumbUp, color: "teal" },
  { key: "useless", value: -1, reasons: [], icon: IconThumbDown, color: "orange" },
  { key: "outdated", value: -1, reasons: ["outdated_source"], icon: IconClockX, color: "orange" },
] as const satisfies { key: string; value: number; reasons: Reason[]; icon: unknown; color: string }[];

/** Whether one citation helped. The same mark again takes it back. */
export function CitationRating({ trace, n }: { trace: string; n: number }) {
  const { t } = useTranslation("ask");
  // Read with the answer's own rating; here it is only looked up.
  const kept = ofCitation(useRatings(trace, false).data, n);
  const rate = useRate(trace);
  const retract = useRetract(trace);
  const chosen = kept && MARKS.findLast((one) => one.value === kept.value && one.reasons.every((reason) => kept.reasons.includes(reason)));
  const failed = rate.error ?? retract.error;
  return (
    <Group gap={0} wrap="nowrap" role="group" aria-label={t("mark.label", { n })}>
      {MARKS.map(({ key, value, reasons, icon: Sign, color }) => (
        <ActionIcon
          key={key}
          {...hint(failed ? failed.message : t(`mark.${key}`))}
          size="sm"
          aria-label={t(`mark.${key}`)}
          aria-pressed={chosen?.key === key}
          color={failed ? "red" : chosen?.key === key ? color : "gray"}
          variant={chosen?.key === key ? "light" : "subtle"}
          onClick={() => (kept && chosen?.key === key ? retract.mutate(kept.id) : rate.mutate({ target: { kind: "citation", n }, value, reasons: [...reasons] }))}
        >
          <Sign size={15} stroke={1.7} />
        </ActionIcon>
      ))}
    </Group>
  );
}
