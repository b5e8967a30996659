import { Button, Group, Progress, Stack, Text } from "@mantine/core";
import { IconPlayerStop } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { useAct } from "@/app/act";
import { counted } from "@/app/lasting";
import { useSaid } from "@/app/said";
import { Trouble } from "@/app/Trouble";
import { Note } from "@/primitives/Note";
import { active, type Run } from "./queries";

/** A run about a dataset: how far it is and a way to stop it, or why it came to nothing. */
export function Underway({ run, title, tell }: { run: Run; title: string; tell?: string }) {
  const { t } = useTranslation("datasets");
  const say = useSaid();
  const stop = useAct(["builds", "verifications"], () => got(api.POST("/api/v1/dataset-runs/{run_id}/cancel", { params: { path: { run_id: run.id } } })));
  if (run.error) return <Note title={t("run.failed", { title })} detail={say(run.error.message)} {...(run.error.hint ? { hint: say(run.error.hint) } : {})} />;
  if (!active(run)) return run.state === "cancelled" ? <Text size="sm" role="status">{t("run.cancelled", { title })}</Text> : null;
  const { phase, done } = run.progress;
  const step = run.state === "queued" ? t("run.queued") : phase === "make environment" ? t("run.environment") : phase === "take in" ? t("run.takeIn") : t("build.done", { count: done, n: counted(done) });
  return (
    <Stack gap={6} role="group" aria-label={title}>
      <Group justify="space-between" gap="sm">
        <Text size="sm" fw={600} style={{ overflowWrap: "anywhere" }}>{title}</Text>
        <Button size="xs" variant="default" leftSection={<IconPlayerStop size={14} />} loading={stop.isPending} disabled={run.cancelling} onClick={() => stop.mutate()}>{run.cancelling ? t("run.stopping") : t("run.stop")}</Button>
      </Group>
      <Progress value={100} striped animated={run.state === "running"} aria-label={title} />
      <Text size="sm" c="var(--soft)" role="status">{step}{tell ? ` ${tell}` : ""}</Text>
      {stop.error ? <Trouble error={stop.error} /> : null}
    </Stack>
  );
}
