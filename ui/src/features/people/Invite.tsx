import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useAct } from "@/app/act";
import { api, got } from "@/api/client";
import { Trouble } from "@/app/Trouble";
import { Once } from "@/primitives/Once";
import { RoleChoice } from "./RoleChoice";
import type { Role } from "./queries";

interface InviteProps {
  close: () => void;
  /** Whom it is for, where that is settled: a link again, or a new password. */
  person?: { name: string; roles: readonly Role[]; again: boolean };
}

/** A link by which one person chooses a password; it is shown once. */
export function Invite({ close, person }: InviteProps) {
  const { t } = useTranslation(["people", "app"]);
  const [name, setName] = useState(person?.name ?? "");
  const [roles, setRoles] = useState<Role[]>([...(person?.roles ?? (["user"] as const))]);
  const make = useAct(["people"], () => got(api.POST("/api/v1/invitations", { body: { name: name.trim(), roles } })));
  const title = person?.again ? t("invite.password") : t("invite.title");
  return (
    <Modal opened onClose={close} title={title} size="lg" closeButtonProps={{ "aria-label": t("app:action.close") }} closeOnClickOutside={!make.isSuccess}>
      {make.isSuccess ? (
        <Stack>
          <Once title={t("invite.made", { name: name.trim().toLowerCase() })} tell={t("invite.once")} label={t("invite.link")} value={make.data.link} copy={t("app:action.copy")} copied={t("app:action.copied")} />
          <Group justify="flex-end"><Button variant="default" onClick={close}>{t("invite.done")}</Button></Group>
        </Stack>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            make.mutate();
          }}
        >
          <Stack>
            <Text size="sm">{person?.again ? t("invite.passwordTell", { name: person.name }) : t("invite.tell")}</Text>
            {person ? null : <TextInput label={t("invite.name")} description={t("invite.nameTell")} required withAsterisk={false} data-autofocus maxLength={100} value={name} onChange={(event) => setName(event.currentTarget.value)} />}
            {person ? null : <RoleChoice value={roles} onChange={setRoles} />}
            {make.error ? <Trouble error={make.error} /> : null}
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>{t("app:action.cancel")}</Button>
              <Button type="submit" loading={make.isPending}>{t("invite.make")}</Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  );
}
