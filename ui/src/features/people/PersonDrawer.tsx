import { Alert, Badge, Button, Drawer, Group, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { useAct } from "@/app/act";
import { Loaded } from "@/app/Loaded";
import { useMe } from "@/app/me";
import { Trouble } from "@/app/Trouble";
import { ago, day } from "@/app/when";
import { Confirm } from "@/primitives/Confirm";
import { Facts } from "@/primitives/Facts";
import { Panel } from "@/primitives/Panel";
import { Invite } from "./Invite";
import { PersonData } from "./PersonData";
import { PersonKeys, PersonSessions } from "./PersonWays";
import { RoleChoice } from "./RoleChoice";
import { usePerson, type Account, type Role } from "./queries";

/** One person: what they may do, where they are signed in, and what is kept of them. */
export function PersonDrawer({ name, close }: { name: string; close: () => void }) {
  const { t } = useTranslation(["people", "app"]);
  const person = usePerson(name);
  return (
    <Drawer opened onClose={close} position="right" size="lg" title={name} closeButtonProps={{ "aria-label": t("app:action.close") }} styles={{ title: { fontWeight: 650, overflowWrap: "anywhere", minWidth: 0 } }}>
      <Loaded query={person} height={400}>
        {(found) => (found ? <About person={found} close={close} /> : <Text size="sm">{t("gone")}</Text>)}
      </Loaded>
    </Drawer>
  );
}

function About({ person, close }: { person: Account; close: () => void }) {
  const { t } = useTranslation("people");
  const self = useMe().data?.user === person.id;
  const facts: [string, ReactNode][] = [
    [t("column.state"), <Badge key="state" variant="light" tt="none" color={person.suspended ? "red" : "green"}>{person.suspended ? t("state.suspended") : t("state.active")}</Badge>],
    [t("column.seen"), person.signed_in_at ? ago(person.signed_in_at) : t("never")],
    [t("since"), day(person.created_at)],
    [t("signsIn"), person.provider || t("byPassword")],
  ];
  if (person.groups.length) facts.push([t("theirGroups"), person.groups.join(", ")]);
  return (
    <Stack gap="md">
      {self ? <Alert variant="light">{t("self")}</Alert> : null}
      <Facts facts={facts} />
      <Rights key={person.roles.join()} person={person} />
      <PersonSessions name={person.id} />
      <PersonKeys name={person.id} />
      {self ? null : <Entry person={person} />}
      <PersonData name={person.id} self={self} erased={close} />
    </Stack>
  );
}

function Rights({ person }: { person: Account }) {
  const { t } = useTranslation(["people", "app"]);
  const [roles, setRoles] = useState<Role[]>([...person.roles]);
  const save = useAct(["people", "me"], () => got(api.PATCH("/api/v1/accounts/{name}", { params: { path: { name: person.id } }, body: { roles } })));
  const same = roles.toSorted().join() === person.roles.toSorted().join();
  return (
    <Panel title={t("rights")} {...(person.provider ? { tell: t("rightsProvider") } : {})}>
      <RoleChoice value={roles} onChange={setRoles} />
      {save.error ? <Trouble error={save.error} /> : null}
      <Group><Button size="xs" disabled={same} loading={save.isPending} onClick={() => save.mutate()}>{t("app:action.save")}</Button></Group>
    </Panel>
  );
}

/** Letting them in, or not; and another password where they forgot theirs. */
function Entry({ person }: { person: Account }) {
  const { t } = useTranslation(["people", "app"]);
  const [asked, ask] = useDisclosure(false);
  const [linking, link] = useDisclosure(false);
  const change = useAct(["people"], (suspended: boolean) => got(api.PATCH("/api/v1/accounts/{name}", { params: { path: { name: person.id } }, body: { suspended } })), ask.close);
  return (
    <Panel title={t("entry.title")} tell={person.suspended ? t("entry.suspended") : t("entry.tell")}>
      {change.error && !asked ? <Trouble error={change.error} /> : null}
      <Group gap="xs">
        {person.provider ? null : <Button size="xs" variant="default" onClick={link.open}>{t("entry.password")}</Button>}
        {person.suspended ? (
          <Button size="xs" loading={change.isPending} onClick={() => change.mutate(false)}>{t("entry.resume")}</Button>
        ) : (
          <Button size="xs" variant="subtle" color="red" onClick={ask.open}>{t("entry.suspend")}</Button>
        )}
      </Group>
      {linking ? <Invite close={link.close} person={{ name: person.id, roles: person.roles, again: true }} /> : null}
      <Confirm opened={asked} onClose={ask.close} title={t("entry.ask")} tell={t("entry.askTell", { name: person.id })} act={t("entry.suspend")} cancel={t("app:action.cancel")} danger busy={change.isPending} onAct={() => change.mutate(true)}>
        {change.error ? <Trouble error={change.error} /> : null}
      </Confirm>
    </Panel>
  );
}
