import { Button, Checkbox, Code, Group, Modal, Select, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, got, type Schemas } from "@/api/client";
import { useAct } from "@/app/act";
import { Trouble } from "@/app/Trouble";
import { day } from "@/app/when";
import { Once } from "@/primitives/Once";

type Role = Schemas["Role"];
const DAYS = ["7", "30", "90", "365"] as const;
const SCOPES = ["user", "data", "admin"] as const;

/** A key of one's own, for a program; it is shown once. */
export function NewKey({ roles, close }: { roles: readonly Role[]; close: () => void }) {
  const { t } = useTranslation(["keys", "app"]);
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<Role[]>(["user"]);
  const [days, setDays] = useState<string>("90");
  const make = useAct(["keys", "audit"], () => got(api.POST("/api/v1/keys", { body: { name: name.trim(), scopes, days: Number(days), owner: "" } })));
  return (
    <Modal opened onClose={close} title={t("new.open")} size="lg" closeButtonProps={{ "aria-label": t("app:action.close") }} closeOnClickOutside={!make.isSuccess}>
      {make.isSuccess ? (
        <Stack>
          <Once title={t("new.made", { name: make.data.key.name })} tell={t("new.once", { day: day(make.data.key.expires_at) })} label={t("new.key")} value={make.data.secret} copy={t("app:action.copy")} copied={t("app:action.copied")} />
          <Text size="sm">{t("new.use")}</Text>
          <Code block style={{ overflowWrap: "anywhere", whiteSpace: "pre-wrap" }}>{`curl -H "Authorization: Bearer $KEY" ${location.origin}/api/v1/session`}</Code>
          <Group justify="flex-end"><Button variant="default" onClick={close}>{t("new.done")}</Button></Group>
        </Stack>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            make.mutate();
          }}
        >
          <Stack>
            <TextInput label={t("new.name")} description={t("new.nameTell")} required withAsterisk={false} data-autofocus maxLength={100} value={name} onChange={(event) => setName(event.currentTarget.value)} />
            <Checkbox.Group label={t("new.scopes")} description={t("new.scopesTell")} value={scopes} onChange={(all) => setScopes(SCOPES.filter((one) => all.includes(one)))}>
              <Stack gap="xs" mt={6}>{SCOPES.filter((one) => roles.includes(one)).map((one) => <Checkbox key={one} value={one} label={t(`scope.${one}`)} description={t(`scopeTell.${one}`)} />)}</Stack>
            </Checkbox.Group>
            <Select label={t("new.days")} allowDeselect={false} maw={240} value={days} onChange={(chosen) => setDays(chosen ?? "90")} data={DAYS.map((value) => ({ value, label: t("new.span", { count: Number(value) }) }))} />
            {make.error ? <Trouble error={make.error} /> : null}
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>{t("app:action.cancel")}</Button>
              <Button type="submit" disabled={scopes.length === 0} loading={make.isPending}>{t("new.make")}</Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  );
}
