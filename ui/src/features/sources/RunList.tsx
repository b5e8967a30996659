import { Badge, Table, Text } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { counted, lasting } from "@/app/lasting";
import { Loaded } from "@/app/Loaded";
import { ago, moment } from "@/app/when";
import { Panel } from "@/primitives/Panel";
import type { Run } from "./queries";

const COLOUR = { queued: "gray", running: "slate", succeeded: "green", failed: "red", cancelled: "gray" } as const;
const COUNTS = ["added", "updated", "deleted", "failed", "rejected", "held"] as const;

/** What became of the latest runs. */
export function RunList({ query }: { query: UseQueryResult<Schemas["Runs"]> }) {
  const { t } = useTranslation("sources");
  return (
    <Panel title={t("runs.title")}>
      <Loaded query={query}>
        {({ runs }) =>
          runs.length === 0 ? <Text size="sm" c="var(--soft)">{t("runs.none")}</Text> : (
            <Table.ScrollContainer minWidth={520} type="native" tabIndex={0} aria-label={t("runs.title")}>
              <Table verticalSpacing="xs">
                <Table.Thead><Table.Tr><Table.Th>{t("runs.when")}</Table.Th><Table.Th>{t("runs.state")}</Table.Th><Table.Th>{t("runs.took")}</Table.Th><Table.Th>{t("runs.result")}</Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>{runs.map((run) => <Row key={run.id} run={run} />)}</Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Row({ run }: { run: Run }) {
  const { t } = useTranslation("sources");
  const took = run.started_at && run.ended_at ? (Date.parse(run.ended_at) - Date.parse(run.started_at)) / 1_000 : undefined;
  const counts = COUNTS.flatMap((one) => {
    const many = run.report?.[one];
    return typeof many === "number" && many > 0 ? [t(`runs.${one}`, { many: counted(many) })] : [];
  });
  return (
    <Table.Tr>
      <Table.Td title={moment(run.requested_at)} style={{ whiteSpace: "nowrap" }}>{ago(run.requested_at)}</Table.Td>
      <Table.Td><Badge variant="light" tt="none" color={COLOUR[run.state]}>{t(`runState.${run.state}`)}</Badge></Table.Td>
      <Table.Td style={{ whiteSpace: "nowrap" }}>{took === undefined ? "" : lasting(took)}</Table.Td>
      <Table.Td style={{ overflowWrap: "anywhere" }}>{run.error ? run.error.message : counts.join(", ") || (run.state === "succeeded" ? t("runs.unchanged") : "")}</Table.Td>
    </Table.Tr>
  );
}
