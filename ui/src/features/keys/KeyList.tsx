import { Anchor, Badge, Button, Group, Stack, Table, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, got, type Schemas } from "@/api/client";
import { useAct } from "@/app/act";
import { Trouble } from "@/app/Trouble";
import { ago, ahead, moment } from "@/app/when";
import { Confirm } from "@/primitives/Confirm";
import { standing } from "./standing";

type Key = Schemas["ApiKey"];
const COLOUR = { good: "green", soon: "orange", expired: "red" } as const;

interface KeyListProps {
  keys: Key[];
  /** Whose they are is told too, and each can be removed by an admin. */
  everybodys?: boolean;
}

export function KeyList({ keys, everybodys = false }: KeyListProps) {
  const { t } = useTranslation(["keys", "app"]);
  const [going, setGoing] = useState<Key>();
  const [now] = useState(Date.now);
  const remove = useAct(
    ["keys", "audit"],
    (id: string) => {
      const params = { path: { key_id: id } };
      return everybodys ? got(api.DELETE("/api/v1/keys/all/{key_id}", { params })) : got(api.DELETE("/api/v1/keys/{key_id}", { params }));
    },
    () => setGoing(undefined),
  );
  return (
    <>
      <Table verticalSpacing="sm" layout="fixed" aria-label={t("title")}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("column.name")}</Table.Th>
            <Table.Th visibleFrom="sm">{t("column.scopes")}</Table.Th>
            <Table.Th visibleFrom="sm">{t("column.used")}</Table.Th>
            <Table.Th>{t("column.ends")}</Table.Th>
            <Table.Th w={110}><span hidden>{t("remove")}</span></Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {keys.map((one) => {
            const state = standing(one.expires_at, now);
            return (
              <Table.Tr key={one.id}>
                <Table.Td>
                  <Stack gap={0}>
                    <Text size="sm" fw={600} truncate title={one.name}><bdi>{one.name}</bdi></Text>
                    {everybodys ? <Anchor component={Link} to="/admin/people" search={{ person: one.account } as never} size="xs" truncate="end" title={one.account}><bdi>{one.account}</bdi></Anchor> : null}
                  </Stack>
                </Table.Td>
                <Table.Td visibleFrom="sm"><Scopes scopes={one.scopes} /></Table.Td>
                <Table.Td visibleFrom="sm" {...(one.used_at ? { title: moment(one.used_at) } : {})}>{one.used_at ? ago(one.used_at) : t("never")}</Table.Td>
                <Table.Td title={moment(one.expires_at)}><Badge variant="light" tt="none" color={COLOUR[state]}>{state === "expired" ? t("expired") : ahead(one.expires_at)}</Badge></Table.Td>
                <Table.Td ta="end"><Button size="xs" variant="default" aria-label={t("removeOne", { name: one.name })} onClick={() => setGoing(one)}>{t("remove")}</Button></Table.Td>
              </Table.Tr>
            );
          })}
        </Table.Tbody>
      </Table>
      <Confirm opened={going !== undefined} onClose={() => setGoing(undefined)} title={t("ask")} tell={t("askTell", { name: going?.name ?? "" })} act={t("remove")} cancel={t("app:action.cancel")} danger busy={remove.isPending} onAct={() => going && remove.mutate(going.id)}>
        {remove.error ? <Trouble error={remove.error} /> : null}
      </Confirm>
    </>
  );
}

function Scopes({ scopes }: { scopes: Key["scopes"] }) {
  const { t } = useTranslation("keys");
  return <Group gap={4}>{scopes.toSorted().map((one) => <Badge key={one} variant={one === "admin" ? "filled" : "default"} tt="none">{t(`scope.${one}`)}</Badge>)}</Group>;
}
