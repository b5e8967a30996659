import { Button, Stack, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { moment } from "@/app/when";
import { Facts } from "@/primitives/Facts";
import { Note } from "@/primitives/Note";
import { Panel } from "@/primitives/Panel";
import { Compared } from "./Compared";
import { Leakage } from "./Leakage";
import { Rows } from "./Rows";
import { agreementOf, counted, leftOut, nameOf, peopleOf, rowsOf, takenOut, type Dataset } from "./manifest";
import { Replaced } from "./Replaced";
import { Take } from "./Take";

/** What is in a version, what is not and why, and how to take it away. */
export function Version({ one, others, close }: { one: Dataset; others: Dataset[]; close: () => void }) {
  const { t } = useTranslation("datasets");
  const people = peopleOf(one);
  const agreement = agreementOf(one);
  const omitted = leftOut(one);
  return (
    <Panel title={nameOf(one)} tell={one.spec.description} acts={<Button size="xs" variant="default" onClick={close}>{t("close")}</Button>}>
      {one.state === "withdrawn" ? <Note title={t("withdrawn.title")} detail={t("withdrawn.tell")} /> : null}
      <Facts facts={[[t("rows"), rowsOf(one)], [t("people"), people.count], [t("agreement"), agreement === null ? t("unknown") : agreement.toFixed(2)], [t("built"), moment(one.created_at)], [t("version"), one.version.slice(0, 12)], [t("audience"), t(`build.audiences.${one.spec.audience}`)], ...(takenOut(one) ? [[t("takenOut"), t("takenOutRows", { count: takenOut(one) })] satisfies [string, string]] : [])]} />
      {rowsOf(one) ? (
        <Table.ScrollContainer minWidth={320} type="native" tabIndex={0} aria-label={t("of")}>
          <Table>
            <Table.Thead><Table.Tr><Table.Th>{t("of")}</Table.Th>{(["train", "validation", "test"] as const).map((split) => <Table.Th key={split} ta="right">{t(`split.${split}`)}</Table.Th>)}</Table.Tr></Table.Thead>
            <Table.Tbody>{counted(one).map(({ task, splits }) => <Table.Tr key={task}><Table.Td>{t(`task.${task}`)}</Table.Td>{splits.map((count, n) => <Table.Td key={n} ta="right">{count}</Table.Td>)}</Table.Tr>)}</Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      ) : <Text size="sm">{t("empty")}</Text>}
      {omitted.length ? (
        <Stack gap={4}>
          <Text size="sm" fw={600}>{t("omitted")}</Text>
          <Stack component="ul" gap={2} m={0} pl="md">{omitted.map(({ task, why, count }) => <Text component="li" size="sm" key={`${task ?? ""} ${why}`}>{count} × {t(`leftOut.${why}`)}{task ? ` (${t(`task.${task}`)})` : ""}</Text>)}</Stack>
        </Stack>
      ) : null}
      {rowsOf(one) ? <Replaced one={one} /> : null}
      {rowsOf(one) && one.state === "kept" ? <Rows key={one.version} one={one} /> : null}
      {rowsOf(one) && one.state === "kept" ? <Leakage key={`leak ${one.version}`} one={one} /> : null}
      {one.state === "kept" ? <Compared key={`diff ${one.version}`} one={one} others={others} /> : null}
      {one.state === "kept" ? <Take key={`take ${one.version}`} one={one} /> : null}
    </Panel>
  );
}
