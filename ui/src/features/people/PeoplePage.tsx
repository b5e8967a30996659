import { Anchor, Badge, Button, Group, Table, Text, TextInput } from "@mantine/core";
import { useDebouncedCallback, useDisclosure } from "@mantine/hooks";
import { IconSearch, IconUserPlus, IconUsers } from "@tabler/icons-react";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useMe } from "@/app/me";
import { Trouble } from "@/app/Trouble";
import { ago, moment } from "@/app/when";
import { Blank } from "@/primitives/Blank";
import { Page } from "@/primitives/Page";
import { Invite } from "./Invite";
import { NoAccounts } from "./NoAccounts";
import { Pending } from "./Pending";
import { PersonDrawer } from "./PersonDrawer";
import { usePeople, type Account } from "./queries";

export function PeoplePage() {
  const { t } = useTranslation(["people", "app"]);
  const me = useMe().data;
  const [inviting, invite] = useDisclosure(false);
  if (me === undefined) return null;
  if (me.carrier === "machine") return <Page title={t("title")}><NoAccounts /></Page>;
  return (
    <Page title={t("title")} tell={t("tell")} acts={<Button leftSection={<IconUserPlus size={16} />} onClick={invite.open}>{t("invite.open")}</Button>}>
      <Pending />
      <Everybody />
      {inviting ? <Invite close={invite.close} /> : null}
    </Page>
  );
}

function Everybody() {
  const { t } = useTranslation(["people", "app"]);
  const { search = "", person } = useSearch({ strict: false });
  const navigate = useNavigate();
  const found = usePeople(search);
  const go = (said: { search?: string; person?: string }) => {
    const next = { search, person, ...said };
    const kept = Object.fromEntries(Object.entries(next).filter(([, value]) => value));
    void navigate({ to: "/admin/people", search: kept as { search?: string; person?: string }, replace: said.person === undefined });
  };
  const seek = useDebouncedCallback((sought: string) => go({ search: sought }), 250);
  const all = found.data?.pages.flatMap((page) => page.accounts) ?? [];
  return (
    <>
      <TextInput leftSection={<IconSearch size={16} />} aria-label={t("search")} placeholder={t("search")} maxLength={100} defaultValue={search} onChange={(event) => seek(event.currentTarget.value.trim())} maw={420} />
      {found.error ? <Trouble error={found.error} again={() => void found.refetch()} /> : null}
      {found.isPending ? <Text role="status">{t("app:loading")}</Text> : null}
      {found.isSuccess && all.length === 0 ? <Blank icon={IconUsers} title={t("none.title")} tell={search ? t("none.search") : t("none.tell")} /> : null}
      {all.length ? <List people={all} open={(name) => go({ person: name })} /> : null}
      {found.hasNextPage ? <Group><Button variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>{t("app:action.more")}</Button></Group> : null}
      {person ? <PersonDrawer key={person} name={person} close={() => go({ person: "" })} /> : null}
    </>
  );
}

function List({ people, open }: { people: Account[]; open: (name: string) => void }) {
  const { t } = useTranslation("people");
  return (
    <Table verticalSpacing="sm" layout="fixed" aria-label={t("title")}>
      <Table.Thead><Table.Tr><Table.Th>{t("column.name")}</Table.Th><Table.Th>{t("column.roles")}</Table.Th><Table.Th visibleFrom="sm" w={150}>{t("column.state")}</Table.Th><Table.Th visibleFrom="sm" w={170}>{t("column.seen")}</Table.Th></Table.Tr></Table.Thead>
      <Table.Tbody>
        {people.map((one) => (
          <Table.Tr key={one.id}>
            <Table.Td><Anchor component="button" type="button" size="sm" fw={600} ta="start" maw="100%" truncate="end" title={one.id} onClick={() => open(one.id)}><bdi>{one.id}</bdi></Anchor></Table.Td>
            <Table.Td><Roles account={one} /></Table.Td>
            <Table.Td visibleFrom="sm"><Badge variant="light" tt="none" color={one.suspended ? "red" : "green"}>{one.suspended ? t("state.suspended") : t("state.active")}</Badge></Table.Td>
            <Table.Td visibleFrom="sm" {...(one.signed_in_at ? { title: moment(one.signed_in_at) } : {})}>{one.signed_in_at ? ago(one.signed_in_at) : t("never")}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Roles({ account }: { account: Account }) {
  const { t } = useTranslation("people");
  return (
    <Group gap={4}>
      {account.suspended ? <Badge hiddenFrom="sm" variant="light" tt="none" color="red">{t("state.suspended")}</Badge> : null}
      {account.roles.toSorted().map((one) => <Badge key={one} variant={one === "admin" ? "filled" : "default"} tt="none">{t(`role.${one}`)}</Badge>)}
    </Group>
  );
}
