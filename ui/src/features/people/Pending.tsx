import { Badge, Button, Group, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas } from "@/api/client";
import { useAct } from "@/app/act";
import { Trouble } from "@/app/Trouble";
import { ahead, ago } from "@/app/when";
import { Confirm } from "@/primitives/Confirm";
import { Panel } from "@/primitives/Panel";
import { Invite } from "./Invite";
import { useInvitations } from "./queries";

type Invitation = Schemas["Invitation"];

/** Links that nobody used yet: a new one where it was lost, or none any more. */
export function Pending() {
  const { t } = useTranslation(["people", "app"]);
  const found = useInvitations();
  const [again, setAgain] = useState<Invitation>();
  const [ending, setEnding] = useState<Invitation>();
  const withdraw = useAct(["people"], (name: string) => api.DELETE("/api/v1/invitations/{name}", { params: { path: { name } } }), () => setEnding(undefined));
  if (found.error) return <Trouble error={found.error} again={() => void found.refetch()} />;
  const all = found.data?.invitations ?? [];
  if (all.length === 0 && !again) return null;
  return (
    <Panel title={t("pending.title")} tell={t("pending.tell")}>
      <Stack gap="sm" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
        {all.map((one) => <Row key={one.name} invitation={one} renew={() => setAgain(one)} end={() => setEnding(one)} />)}
      </Stack>
      {again ? <Invite close={() => setAgain(undefined)} person={{ name: again.name, roles: again.roles, again: again.again }} /> : null}
      <Confirm opened={ending !== undefined} onClose={() => setEnding(undefined)} title={t("pending.ask")} tell={t("pending.askTell", { name: ending?.name ?? "" })} act={t("pending.withdraw")} cancel={t("app:action.cancel")} danger busy={withdraw.isPending} onAct={() => ending && withdraw.mutate(ending.name)}>
        {withdraw.error ? <Trouble error={withdraw.error} /> : null}
      </Confirm>
    </Panel>
  );
}

function Row({ invitation: one, renew, end }: { invitation: Invitation; renew: () => void; end: () => void }) {
  const { t } = useTranslation("people");
  const [now] = useState(Date.now);
  const old = Date.parse(one.expires_at) <= now;
  return (
    <Group component="li" justify="space-between" gap="sm">
      <div style={{ flex: "1 1 14rem", minWidth: 0 }}>
        <Group gap="xs" wrap="nowrap"><Text size="sm" fw={600} truncate title={one.name}><bdi>{one.name}</bdi></Text>{one.again ? <Badge variant="default" tt="none" flex="none">{t("pending.password")}</Badge> : null}</Group>
        <Text size="xs" c={old ? "var(--mantine-color-red-text)" : "var(--soft)"}>{old ? t("pending.old", { when: ago(one.expires_at) }) : t("pending.until", { by: one.created_by, when: ahead(one.expires_at) })}</Text>
      </div>
      <Group gap="xs">
        <Button size="xs" variant="default" onClick={renew}>{t("pending.again")}</Button>
        <Button size="xs" variant="subtle" color="red" onClick={end}>{t("pending.withdraw")}</Button>
      </Group>
    </Group>
  );
}
