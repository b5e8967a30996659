import { Button, Group as Row, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconUserPlus } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, got, type Schemas } from "@/api/client";
import { useAct } from "@/app/act";
import { Trouble } from "@/app/Trouble";
import { ago } from "@/app/when";
import { Confirm } from "@/primitives/Confirm";
import { Panel } from "@/primitives/Panel";
import { AddMember } from "./AddMember";

/** Who is in a group, and who said so. */
export function Members({ group }: { group: Schemas["Group"] }) {
  const { t } = useTranslation(["groups", "app"]);
  const [adding, add] = useDisclosure(false);
  const [leaving, setLeaving] = useState<string>();
  const remove = useAct(
    ["groups", "audit"],
    (user: string) => got(api.DELETE("/api/v1/groups/{group}/members/{user}", { params: { path: { group: group.name, user } } })),
    () => setLeaving(undefined),
  );
  return (
    <Panel title={group.name} tell={t("members.tell")} acts={<Button size="xs" variant="default" leftSection={<IconUserPlus size={14} />} onClick={add.open}>{t("members.add")}</Button>}>
      {group.members.length === 0 ? <Text size="sm" c="var(--soft)">{t("members.none")}</Text> : null}
      <Stack gap="xs" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
        {group.members.map((one) => (
          <Row key={one.user} component="li" justify="space-between" wrap="nowrap">
            <div style={{ minWidth: 0 }}>
              <Text size="sm" fw={600} truncate title={one.user}><bdi>{one.user}</bdi></Text>
              <Text size="xs" c="var(--soft)" truncate>{one.added_by ? t("members.by", { by: one.added_by, when: one.added_at ? ago(one.added_at) : "" }) : t("members.pack")}</Text>
            </div>
            <Button size="xs" variant="default" flex="none" aria-label={t("members.removeOne", { name: one.user })} onClick={() => setLeaving(one.user)}>{t("members.remove")}</Button>
          </Row>
        ))}
      </Stack>
      {adding ? <AddMember group={group.name} close={add.close} added={add.close} /> : null}
      <Confirm opened={leaving !== undefined} onClose={() => setLeaving(undefined)} title={t("members.ask")} tell={t("members.askTell", { name: leaving ?? "", group: group.name })} act={t("members.remove")} cancel={t("app:action.cancel")} danger busy={remove.isPending} onAct={() => leaving !== undefined && remove.mutate(leaving)}>
        {remove.error ? <Trouble error={remove.error} /> : null}
      </Confirm>
    </Panel>
  );
}
