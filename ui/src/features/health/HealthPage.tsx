import { Alert, Button, Group, Skeleton, Stack, Text, ThemeIcon } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconRefresh } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, got, type Schemas } from "@/api/client";
import { Loaded } from "@/app/Loaded";
import { useDomain, useMe } from "@/app/me";
import { Trouble } from "@/app/Trouble";
import { ago } from "@/app/when";
import { Page } from "@/primitives/Page";
import { Panel } from "@/primitives/Panel";
import { Backups } from "./Backups";
import { Keeping, Runs, Storage } from "./Keeping";

const AGAIN_MS = 30_000;
/** The names of the server's checks that are explained here; others are shown as they are called. */
const EXPLAINED = ["database", "index", "embedder", "parsers", "domain", "answer model", "kept files", "webhooks"] as const;
type Explained = (typeof EXPLAINED)[number];

export function HealthPage() {
  const { t } = useTranslation("health");
  const domain = useDomain();
  // Backups, room and housekeeping are about every domain at once.
  const keeper = useMe().data?.keeper ?? false;
  // Every part is tried for real, so it is done when asked for and not all the time.
  const checks = useQuery({ queryKey: ["checks", domain], queryFn: () => got(api.GET("/api/v1/checks")), staleTime: 60_000 });
  const kept = useQuery({ queryKey: ["upkeep"], queryFn: () => got(api.GET("/api/v1/upkeep")), refetchInterval: AGAIN_MS, enabled: keeper });
  const act = <Button variant="default" leftSection={<IconRefresh size={16} />} loading={checks.isFetching} onClick={() => void Promise.all([checks.refetch(), keeper && kept.refetch()])}>{t("again")}</Button>;
  return (
    <Page title={t("title")} tell={t("tell")} acts={act}>
      {checks.data ? <Verdict checks={checks.data} at={checks.dataUpdatedAt} /> : null}
      <Panel title={t("checks")} tell={t("checksTell")}>
        {checks.error ? <Trouble error={checks.error} again={() => void checks.refetch()} /> : null}
        {checks.isPending ? <Skeleton h={320} role="status" aria-label={t("trying")} /> : null}
        <Stack component="ul" gap="md" m={0} p={0} style={{ listStyle: "none" }}>{checks.data?.checks.map((one) => <One key={one.name} check={one} />)}</Stack>
      </Panel>
      {keeper ? <Loaded query={kept} height={320}>
        {(found) => (
          <>
            <Backups condition={found} />
            <Storage space={found.stored} />
            <Runs condition={found} />
            <Keeping condition={found} />
          </>
        )}
      </Loaded> : null}
    </Page>
  );
}

function Verdict({ checks, at }: { checks: Schemas["Checks"]; at: number }) {
  const { t } = useTranslation("health");
  const failing = checks.checks.filter((one) => !one.ok).length;
  const when = t("asOf", { when: ago(new Date(at).toISOString()) });
  return failing === 0 ? (
    <Alert color="green" variant="light" icon={<IconCheck />} title={t("good")} role="status">{when}</Alert>
  ) : (
    <Alert color="red" variant="light" icon={<IconAlertTriangle />} title={t("bad", { count: failing })} role="status">{when}</Alert>
  );
}

function One({ check }: { check: Schemas["Check"] }) {
  const { t } = useTranslation("health");
  const explained = EXPLAINED.find((one): one is Explained => one === check.name);
  return (
    <Group component="li" wrap="nowrap" align="flex-start" gap="sm">
      <ThemeIcon size={26} radius="xl" variant="light" color={check.ok ? "green" : "red"} role="img" aria-label={check.ok ? t("works") : t("fails")}>
        {check.ok ? <IconCheck size={16} /> : <IconAlertTriangle size={16} />}
      </ThemeIcon>
      <div style={{ minWidth: 0 }}>
        <Text size="sm" fw={600}>{explained ? t(`check.${explained}.name`) : check.name}</Text>
        {explained ? <Text size="xs" c="var(--soft)">{t(`check.${explained}.about`)}</Text> : null}
        <Text size="sm" style={{ overflowWrap: "anywhere" }}>{check.detail}</Text>
        {check.hint ? <Text size="sm" fw={600} style={{ overflowWrap: "anywhere" }}>{t("do")} {check.hint}</Text> : null}
      </div>
    </Group>
  );
}
