import { Button, Group, Paper, Stack, Text } from "@mantine/core";
import { IconDatabasePlus, IconPlus } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { counted } from "@/app/lasting";
import { Loaded } from "@/app/Loaded";
import { ago, moment } from "@/app/when";
import { Blank } from "@/primitives/Blank";
import { Facts } from "@/primitives/Facts";
import { Page } from "@/primitives/Page";
import css from "./sources.module.css";
import { useRuns, useSources, type Run, type Source } from "./queries";
import { Progressing } from "./Progressing";
import { latestOf, stateOf } from "./state";
import { StateBadge } from "./StateBadge";

export function SourcesPage() {
  const { t } = useTranslation("sources");
  const sources = useSources();
  const latest = latestOf(useRuns().data?.runs ?? []);
  const add = <Button component={Link} to="/admin/sources/add" leftSection={<IconPlus size={16} />}>{t("add")}</Button>;
  return (
    <Page title={t("title")} tell={t("tell")} acts={sources.data?.sources.length ? add : null}>
      <Loaded query={sources} height={240}>
        {({ sources: found }) =>
          found.length === 0 ? (
            <Blank icon={IconDatabasePlus} title={t("none.title")} tell={t("none.tell")}>{add}</Blank>
          ) : (
            <Stack component="ul" gap="sm" m={0} p={0} className={css.list}>
              {found.map((one) => <Row key={one.id} source={one} latest={latest.get(one.id)} />)}
            </Stack>
          )
        }
      </Loaded>
    </Page>
  );
}

function Row({ source, latest }: { source: Source; latest: Run | undefined }) {
  const { t } = useTranslation("sources");
  return (
    <Paper component="li" withBorder p="md" bg="var(--raised)" className={css.row}>
      <Stack gap="sm">
        <Group justify="space-between" wrap="nowrap" gap="sm">
          <Text component={Link} to="/admin/sources/$source" params={{ source: source.id } as never} className={css.name} fw={600} title={source.name}><bdi>{source.name}</bdi></Text>
          <StateBadge state={stateOf(source, latest)} />
        </Group>
        <Facts
          facts={[
            [t("fact.connector"), source.connector],
            [t("fact.documents"), counted(source.documents)],
            [t("fact.troubles"), counted(source.failed)],
            [t("fact.read"), source.last_sync ? <span title={moment(source.last_sync)}>{ago(source.last_sync)}</span> : t("never")],
          ]}
        />
        {latest?.state === "running" ? <Progressing run={latest} /> : null}
      </Stack>
    </Paper>
  );
}
