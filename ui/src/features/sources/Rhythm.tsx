import { NativeSelect, Stack, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { lasting } from "@/app/lasting";

type Schedule = Schemas["Schedule"];
const SECONDS = { minutes: 900, hour: 3_600, day: 86_400, week: 604_800 } as const;
const CHOICES = ["minutes", "hour", "day", "week", "never"] as const;

/** How often a source is read by itself: one of the usual ones, or a line of cron as it is written. */
export type Often = (typeof CHOICES)[number] | { cron: string } | { every: number };

export function oftenOf(schedule: Schedule | null | undefined): Often {
  if (!schedule) return "never";
  if (schedule.cron) return { cron: schedule.cron };
  const every = schedule.every_seconds ?? 0;
  return CHOICES.find((one) => one !== "never" && SECONDS[one] === every) ?? { every };
}

/** What to tell the server; null is no schedule at all. */
export function scheduled(often: Often): Schedule | null {
  if (typeof often === "object") return "cron" in often ? { cron: often.cron.trim() } : { cron: "", every_seconds: often.every };
  return often === "never" ? null : { cron: "", every_seconds: SECONDS[often] };
}

export function Rhythm({ value, onChange }: { value: Often; onChange: (chosen: Often) => void }) {
  const { t } = useTranslation("sources");
  const own = typeof value === "object" && "cron" in value ? value.cron : undefined;
  const other = typeof value === "object" && "every" in value ? value.every : undefined;
  return (
    <Stack gap="sm" maw={360}>
      <NativeSelect
        label={t("rhythm.label")}
        value={own !== undefined ? "cron" : other !== undefined ? "other" : (value as string)}
        onChange={({ currentTarget: { value: chosen } }) => onChange(chosen === "cron" ? { cron: "0 3 * * *" } : (chosen as Often))}
        data={[...(other === undefined ? [] : [{ value: "other", label: t("rhythm.other", { span: lasting(other) }) }]), ...CHOICES.map((one) => ({ value: one, label: t(`rhythm.${one}`) })), { value: "cron", label: t("rhythm.cron") }]}
      />
      {own !== undefined ? <TextInput label={t("rhythm.line")} description={t("rhythm.lineTell")} required maxLength={200} value={own} onChange={(event) => onChange({ cron: event.currentTarget.value })} /> : null}
    </Stack>
  );
}
