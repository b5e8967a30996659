import { Alert, Anchor, Button, Group, Text } from "@mantine/core";
import { IconArrowLeft, IconPlayerPause, IconPlayerPlay, IconPlayerStop, IconRefresh } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { counted, lasting } from "@/app/lasting";
import { Loaded } from "@/app/Loaded";
import { Trouble } from "@/app/Trouble";
import { ago, moment } from "@/app/when";
import { Facts } from "@/primitives/Facts";
import { Page } from "@/primitives/Page";
import { Panel } from "@/primitives/Panel";
import { Held } from "./Held";
import { Progressing } from "./Progressing";
import { active, refusal, useAct, useRuns, useSource, type Run, type Source } from "./queries";
import { RunList } from "./RunList";
import { Settings } from "./Settings";
import { stateOf } from "./state";
import { StateBadge } from "./StateBadge";
import { Troubles } from "./Troubles";
import { Uploads } from "./Uploads";
import { useRun } from "./useRun";

export function SourcePage() {
  const { t } = useTranslation("sources");
  const { source: id = "" } = useParams({ strict: false });
  const source = useSource(id);
  const runs = useRuns(id);
  const latest = runs.data?.runs[0];
  const client = useQueryClient();
  return (
    <Page title={source.data?.name ?? t("one")} acts={source.data ? <Acts source={source.data} latest={latest} /> : null}>
      <Anchor component={Link} to="/admin/sources" size="sm"><Group gap={4} component="span"><IconArrowLeft size={16} aria-hidden />{t("title")}</Group></Anchor>
      <Loaded query={source} height={320}>
        {(found) => (
          <>
            {client.getQueryData(refusal(id)) && !latest ? <Trouble error={client.getQueryData(refusal(id))} /> : null}
            {latest && active(latest) ? <Now run={latest} /> : null}
            {latest?.state === "failed" ? <Alert color="red" variant="light" title={t("lastFailed")}><Text size="sm" style={{ overflowWrap: "anywhere" }}>{latest.error?.message}</Text>{latest.error?.hint ? <Text size="sm" mt={4}>{latest.error.hint}</Text> : null}</Alert> : null}
            {found.held > 0 ? <Held source={found} /> : null}
            <Overview source={found} latest={latest} />
            {found.connector === "uploads" ? <Uploads source={found} busy={latest !== undefined && active(latest)} /> : null}
            {found.failed > 0 ? <Troubles source={found} /> : null}
            <RunList query={runs} />
            <Settings key={JSON.stringify([found.config, found.schedule])} source={found} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Acts({ source, latest }: { source: Source; latest: Run | undefined }) {
  const { t } = useTranslation("sources");
  const params = { path: { source: source.id } };
  const sync = useAct(() => got(api.POST("/api/v1/sources/{source}/sync", { params })));
  const pause = useAct((paused: boolean) => got(api.PUT("/api/v1/sources/{source}/pause", { params, body: { paused } })));
  const busy = latest !== undefined && active(latest);
  const paused = source.paused;
  return (
    <div>
      <Group gap="xs">
        <Button leftSection={<IconRefresh size={16} />} disabled={busy || paused} loading={sync.isPending} onClick={() => sync.mutate()}>{t("sync")}</Button>
        <Button variant="default" leftSection={paused ? <IconPlayerPlay size={16} /> : <IconPlayerPause size={16} />} loading={pause.isPending} onClick={() => pause.mutate(!paused)}>{paused ? t("resume") : t("pause")}</Button>
      </Group>
      {sync.error ?? pause.error ? <Trouble error={sync.error ?? pause.error} /> : null}
    </div>
  );
}

/** What is under way, as it happens. */
function Now({ run: known }: { run: Run }) {
  const { t } = useTranslation("sources");
  const run = useRun(known);
  const stop = useAct(() => got(api.POST("/api/v1/runs/{run_id}/cancel", { params: { path: { run_id: run.id } } })));
  const act = <Button size="xs" variant="default" leftSection={<IconPlayerStop size={14} />} loading={stop.isPending} disabled={run.cancelling} onClick={() => stop.mutate()}>{run.cancelling ? t("stopping") : t("stop")}</Button>;
  return (
    <Panel title={run.state === "queued" ? t("now.queued") : t(`kind.${run.kind}`)} acts={act}>
      {run.state === "queued" ? <Text size="sm" role="status">{t("now.queuedTell")}</Text> : <Progressing run={run} />}
      {stop.error ? <Trouble error={stop.error} /> : null}
    </Panel>
  );
}

function Overview({ source, latest }: { source: Source; latest: Run | undefined }) {
  const { t } = useTranslation("sources");
  const { change, revoke } = source.freshness ?? {};
  const facts: [string, React.ReactNode][] = [
    [t("fact.state"), <StateBadge key="state" state={stateOf(source, latest)} />],
    [t("fact.connector"), source.connector],
    [t("fact.documents"), counted(source.documents)],
    [t("fact.troubles"), counted(source.failed)],
    [t("fact.read"), source.last_sync ? <span title={moment(source.last_sync)}>{ago(source.last_sync)}</span> : t("never")],
    [t("fact.next"), source.next_sync && !source.paused ? moment(source.next_sync) : t("onlyByHand")],
  ];
  if (change) facts.push([t("fact.change"), t("within", { span: lasting(change.p95) })]);
  if (revoke) facts.push([t("fact.revoke"), t("within", { span: lasting(revoke.p95) })]);
  return <Panel title={t("overview")}><Facts facts={facts} /></Panel>;
}
