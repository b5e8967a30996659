import { Anchor, Badge, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { counted } from "@/app/lasting";
import { ago, moment } from "@/app/when";
import type { Document } from "./queries";
import { called } from "./search";

const COLOUR = { indexed: "green", pending: "gray", rejected: "red", failed: "red", dead_letter: "red" } as const;

export function StateOf({ document: { state, held } }: { document: Document }) {
  const { t } = useTranslation("documents");
  return <Badge variant="light" tt="none" color={held ? "orange" : COLOUR[state]}>{held ? t("state.held") : t(`state.${state}`)}</Badge>;
}

export function DocumentList({ documents, open }: { documents: Document[]; open: (one: Document) => void }) {
  const { t } = useTranslation("documents");
  return (
    <Table verticalSpacing="xs" layout="fixed" highlightOnHover aria-label={t("title")}>
      <Table.Thead><Table.Tr><Table.Th>{t("column.title")}</Table.Th><Table.Th visibleFrom="sm" w="18%">{t("column.source")}</Table.Th><Table.Th w={128}>{t("column.state")}</Table.Th><Table.Th visibleFrom="sm" w={80}>{t("column.chunks")}</Table.Th><Table.Th visibleFrom="sm" w={130}>{t("column.read")}</Table.Th></Table.Tr></Table.Thead>
      <Table.Tbody>
        {documents.map((one) => (
          <Table.Tr key={one.id}>
            <Table.Td>
              <Anchor component="button" type="button" size="sm" ta="start" maw="100%" truncate="end" title={one.uri} onClick={() => open(one)}><bdi>{called(one)}</bdi></Anchor>
              {one.message ? <Text size="xs" c="var(--soft)" truncate title={one.message}>{one.message}</Text> : null}
            </Table.Td>
            <Table.Td visibleFrom="sm"><Text size="sm" truncate title={one.source}><bdi>{one.source}</bdi></Text></Table.Td>
            <Table.Td><StateOf document={one} /></Table.Td>
            <Table.Td visibleFrom="sm">{counted(one.chunks)}</Table.Td>
            <Table.Td visibleFrom="sm" title={moment(one.updated_at)}><Text size="sm" truncate>{ago(one.updated_at)}</Text></Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
