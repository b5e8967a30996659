import { Group, Progress, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { counted, lasting } from "@/app/lasting";
import type { Run } from "./queries";
import { share } from "./state";

/** How far a run has come, how fast, and how long it will still take. */
export function Progressing({ run }: { run: Run }) {
  const { t } = useTranslation("sources");
  const { seen, done, failed, rate, seconds_left: left } = run.progress;
  const percent = share(run);
  return (
    <Stack gap={6}>
      <Progress value={percent ?? 100} striped={percent === undefined} animated aria-label={t("progress.label")} />
      <Group gap="md" role="status">
        <Text size="sm">{percent === undefined ? t("progress.looking", { seen: counted(seen) }) : t("progress.done", { done: counted(done + failed), seen: counted(seen) })}</Text>
        {failed > 0 ? <Text size="sm" c="var(--mantine-color-red-text)">{t("progress.failed", { failed: counted(failed) })}</Text> : null}
        {rate > 0 ? <Text size="sm" c="var(--soft)">{t("progress.rate", { rate: counted(rate, 1) })}</Text> : null}
        {left !== null && left !== undefined ? <Text size="sm" c="var(--soft)">{t("progress.left", { left: lasting(Math.max(1, left)) })}</Text> : null}
      </Group>
    </Stack>
  );
}
