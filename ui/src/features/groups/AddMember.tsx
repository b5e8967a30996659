import { Autocomplete, Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { useAct } from "@/app/act";
import { useMe } from "@/app/me";
import { Trouble } from "@/app/Trouble";

interface AddMemberProps {
  /** The group; where it is not given, a new one is named here. */
  group?: string;
  close: () => void;
  added: (group: string) => void;
}

/** Lets a person into a group. A group is there as soon as somebody is in it. */
export function AddMember({ group: known, close, added }: AddMemberProps) {
  const { t } = useTranslation(["groups", "app"]);
  const me = useMe().data;
  const [group, setGroup] = useState(known ?? "");
  const [user, setUser] = useState("");
  const people = useQuery({
    queryKey: ["people", "names", user],
    queryFn: () => got(api.GET("/api/v1/accounts", { params: { query: { limit: 8, search: user.trim() } } })),
    enabled: me !== undefined && me.carrier !== "machine",
    placeholderData: (before) => before,
  });
  const add = useAct(
    ["groups", "audit"],
    () => got(api.PUT("/api/v1/groups/{group}/members/{user}", { params: { path: { group: group.trim(), user: user.trim() } } })),
    () => added(group.trim()),
  );
  return (
    <Modal opened onClose={close} title={known ? t("members.addTo", { group: known }) : t("new.open")} closeButtonProps={{ "aria-label": t("app:action.close") }} styles={{ title: { overflowWrap: "anywhere" } }}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          add.mutate();
        }}
      >
        <Stack>
          {known ? null : <TextInput label={t("new.name")} description={t("new.nameTell")} required withAsterisk={false} data-autofocus maxLength={100} value={group} onChange={(event) => setGroup(event.currentTarget.value)} />}
          <Autocomplete label={t("new.person")} description={t("new.personTell")} required withAsterisk={false} {...(known ? { "data-autofocus": true } : {})} maxLength={100} value={user} onChange={setUser} data={people.data?.accounts.map((one) => one.id) ?? []} filter={({ options }) => options} comboboxProps={{ withinPortal: true }} />
          {add.error ? <Trouble error={add.error} /> : null}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>{t("app:action.cancel")}</Button>
            <Button type="submit" loading={add.isPending}>{t("members.add")}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
