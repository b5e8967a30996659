import { Anchor, Badge, Button, Drawer, Group, Stack, Table, Text, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconFileOff, IconSearch } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, got, type Schemas } from "@/api/client";
import { useDomain } from "@/app/me";
import { counted } from "@/app/lasting";
import { Trouble } from "@/app/Trouble";
import { ago, moment } from "@/app/when";
import { Blank } from "@/primitives/Blank";
import { Page } from "@/primitives/Page";
import { Chunks } from "./Chunks";

type Document = Schemas["DocumentInfo"];
const COLOUR = { indexed: "green", pending: "gray", rejected: "red", failed: "red", dead_letter: "red" } as const;

export function DocumentsPage() {
  const { t } = useTranslation(["documents", "app"]);
  const { search = "" } = useSearch({ strict: false });
  const domain = useDomain();
  const navigate = useNavigate();
  const [opened, open] = useState<Document>();
  const found = useInfiniteQuery({
    queryKey: ["documents", domain, "all", search],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam: cursor }) => got(api.GET("/api/v1/documents", { params: { query: { limit: 50, search, ...(cursor === undefined ? {} : { cursor }) } } })),
    getNextPageParam: (page) => page.next ?? undefined,
  });
  const seek = useDebouncedCallback((sought: string) => void navigate({ to: "/admin/documents", search: sought ? { search: sought } : {}, replace: true }), 250);
  const all = found.data?.pages.flatMap((page) => page.documents) ?? [];
  return (
    <Page title={t("title")} tell={t("tell")} size="xl">
      <TextInput leftSection={<IconSearch size={16} />} aria-label={t("search")} placeholder={t("search")} maxLength={200} defaultValue={search} onChange={(event) => seek(event.currentTarget.value.trim())} maw={420} />
      {found.error ? <Trouble error={found.error} again={() => void found.refetch()} /> : null}
      {found.isPending ? <Text role="status">{t("app:loading")}</Text> : null}
      {found.isSuccess && all.length === 0 ? <Blank icon={IconFileOff} title={t("none.title")} tell={search ? t("none.search") : t("none.tell")} /> : null}
      {all.length ? <List documents={all} open={open} /> : null}
      {found.hasNextPage ? <Group><Button variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>{t("app:action.more")}</Button></Group> : null}
      <Drawer opened={opened !== undefined} onClose={() => open(undefined)} position="right" size="xl" title={opened?.title || opened?.uri} closeButtonProps={{ "aria-label": t("app:action.close") }} styles={{ title: { overflowWrap: "anywhere" } }}>
        {opened ? <Look document={opened} /> : null}
      </Drawer>
    </Page>
  );
}

function List({ documents, open }: { documents: Document[]; open: (one: Document) => void }) {
  const { t } = useTranslation("documents");
  return (
    <Table.ScrollContainer minWidth={640} type="native" tabIndex={0} aria-label={t("title")}>
      <Table verticalSpacing="xs" layout="fixed">
        <Table.Thead><Table.Tr><Table.Th w="45%">{t("column.title")}</Table.Th><Table.Th>{t("column.source")}</Table.Th><Table.Th>{t("column.state")}</Table.Th><Table.Th>{t("column.chunks")}</Table.Th><Table.Th>{t("column.read")}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {documents.map((one) => (
            <Table.Tr key={one.id}>
              <Table.Td><Anchor component="button" type="button" size="sm" ta="start" maw="100%" truncate="end" title={one.uri} onClick={() => open(one)}><bdi>{one.title || one.uri}</bdi></Anchor></Table.Td>
              <Table.Td><Text size="sm" truncate title={one.source}><bdi>{one.source}</bdi></Text></Table.Td>
              <Table.Td><Badge variant="light" tt="none" color={COLOUR[one.state]}>{t(`state.${one.state}`)}</Badge></Table.Td>
              <Table.Td>{counted(one.chunks)}</Table.Td>
              <Table.Td title={moment(one.updated_at)}>{ago(one.updated_at)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

/** One document: where it is from, what was not read, and what can be found of it. */
function Look({ document: one }: { document: Document }) {
  const { t } = useTranslation("documents");
  const version = one.version ?? undefined;
  return (
    <Stack gap="md">
      <Text size="sm" c="var(--soft)" style={{ overflowWrap: "anywhere" }}>{one.uri}</Text>
      {one.message ? <Text size="sm" style={{ overflowWrap: "anywhere" }}>{one.message}</Text> : null}
      {one.warnings.map((said) => <Text key={said} size="sm" style={{ overflowWrap: "anywhere" }}>{said}</Text>)}
      {version === undefined ? <Text size="sm">{t("answersNothing")}</Text> : <Chunks document={one.id} version={version} />}
    </Stack>
  );
}
