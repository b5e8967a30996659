import { Code, Stack, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Note } from "@/primitives/Note";
import { replacedIn, type Dataset } from "./manifest";

/** What was replaced in a version before it was written, in no word of it. */
export function Replaced({ one }: { one: Dataset }) {
  const { t } = useTranslation("datasets");
  const found = replacedIn(one);
  if (!found) return <Note title={t("redaction.none.title")} detail={t("redaction.none.tell")} />;
  return (
    <Stack gap={4}>
      <Text size="sm" fw={600}>{t("redaction.title")}</Text>
      <Text size="sm">{t("redaction.rows", { count: found.rows })} {t("redaction.limits")}</Text>
      {found.each.length ? (
        <Table.ScrollContainer minWidth={420} type="native" tabIndex={0} aria-label={t("redaction.title")}>
          <Table>
            <Table.Thead><Table.Tr><Table.Th>{t("redaction.kind")}</Table.Th><Table.Th>{t("redaction.in")}</Table.Th><Table.Th ta="right">{t("redaction.values")}</Table.Th><Table.Th ta="right">{t("rows")}</Table.Th><Table.Th>{t("redaction.by")}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>{found.each.map(({ field, kind, values, rows, by }) => <Table.Tr key={`${field} ${kind}`}><Table.Td><Code>{kind}</Code></Table.Td><Table.Td>{t(`redaction.field.${field}`)}</Table.Td><Table.Td ta="right">{values}</Table.Td><Table.Td ta="right">{rows}</Table.Td><Table.Td>{by}</Table.Td></Table.Tr>)}</Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      ) : null}
      <Text size="xs" c="var(--soft)">{t("redaction.rev", { rev: found.rev })}</Text>
    </Stack>
  );
}
