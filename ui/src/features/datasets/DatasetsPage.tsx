import { Button, Stack, Table, Text } from "@mantine/core";
import { IconDatabaseExport, IconPlus } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { Loaded } from "@/app/Loaded";
import { useDomain } from "@/app/me";
import { ago, moment } from "@/app/when";
import { Blank } from "@/primitives/Blank";
import { Page } from "@/primitives/Page";
import { Build } from "./Build";
import css from "./datasets.module.css";
import { nameOf, rowsOf } from "./manifest";
import { active, datasetOf, useBuilds } from "./queries";
import { Underway } from "./Underway";
import { Version } from "./Version";

export function DatasetsPage() {
  const { t } = useTranslation("datasets");
  const domain = useDomain();
  const search = useSearch({ strict: false });
  const named = "dataset" in search ? search.dataset : undefined;
  const navigate = useNavigate();
  const client = useQueryClient();
  const [building, build] = useState(false);
  const [asked, ask] = useState<string>();
  const builds = useBuilds().data?.runs ?? [];
  const found = useQuery({ queryKey: ["datasets", domain], queryFn: () => got(api.GET("/api/v1/datasets", { params: { query: domain === undefined ? {} : { domain } } })) });
  const open = (dataset: string | undefined) => void navigate({ to: "/data/datasets", search: dataset === undefined ? {} : { dataset } });
  const mine = builds.find(({ id }) => id === asked);
  const under = builds.filter(active);
  // What ended otherwise is told until something newer is asked for.
  const told = [...under, ...builds.slice(0, 1).filter((run) => !active(run) && run.state !== "succeeded")];
  const ended = builds.filter(({ state }) => state === "succeeded").length;
  useEffect(() => {
    void client.invalidateQueries({ queryKey: ["datasets"] });
  }, [client, ended]);
  const made = mine?.state === "succeeded" ? datasetOf(mine) : undefined;
  useEffect(() => {
    if (made !== undefined) void navigate({ to: "/data/datasets", search: { dataset: made } });
  }, [navigate, made]);
  return (
    <Page title={t("title")} tell={t("tell")} acts={building ? null : <Button leftSection={<IconPlus size={16} />} onClick={() => build(true)}>{t("build.open")}</Button>}>
      {building ? <Build close={() => build(false)} asked={(run) => { build(false); ask(run.id); }} /> : null}
      {told.length ? <Stack gap="md">{told.map((run) => <Underway key={run.id} run={run} title={t("run.build", { name: datasetOf(run) })} />)}</Stack> : null}
      <Loaded query={found}>
        {({ datasets }) => {
          const shown = datasets.find((one) => nameOf(one) === named);
          return datasets.length === 0 ? (building ? null : <Blank icon={IconDatabaseExport} title={t("none.title")} tell={t("none.tell")} />) : (
            <Stack gap="lg">
              {shown ? <Version one={shown} others={datasets.filter((each) => each !== shown && each.name === shown.name && each.state === "kept")} close={() => open(undefined)} /> : null}
              <Table.ScrollContainer minWidth={420}>
                <Table className={css.table} verticalSpacing="sm" highlightOnHover>
                  <Table.Thead>
                    <Table.Tr><Table.Th>{t("name")}</Table.Th><Table.Th ta="right">{t("rows")}</Table.Th><Table.Th>{t("built")}</Table.Th></Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {datasets.map((one) => (
                      <Table.Tr key={one.version}>
                        <Table.Td><Button variant="transparent" p={0} h="auto" aria-expanded={one === shown} onClick={() => open(one === shown ? undefined : nameOf(one))}>{nameOf(one)}</Button>{one.state === "withdrawn" ? <Text size="xs" c="var(--soft)">{t("withdrawn.title")}</Text> : null}{one.spec.description ? <Text size="xs" c="var(--soft)" lineClamp={2}>{one.spec.description}</Text> : null}</Table.Td>
                        <Table.Td ta="right">{rowsOf(one)}</Table.Td>
                        <Table.Td><Text size="sm" title={moment(one.created_at)}>{ago(one.created_at)}</Text><Text size="xs" c="var(--soft)"><bdi>{one.created_by}</bdi></Text></Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </Table.ScrollContainer>
            </Stack>
          );
        }}
      </Loaded>
    </Page>
  );
}
