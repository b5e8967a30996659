import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconDownload } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { useAct } from "@/app/act";
import { Trouble } from "@/app/Trouble";
import { Panel } from "@/primitives/Panel";

/** All that is kept of somebody: to take along, or to erase for good. */
export function PersonData({ name, self, erased }: { name: string; self: boolean; erased: () => void }) {
  const { t } = useTranslation(["people", "app"]);
  const [asked, ask] = useDisclosure(false);
  return (
    <Panel title={t("data.title")} tell={t("data.tell")}>
      <Group gap="xs">
        <Button component="a" size="xs" variant="default" href={`/api/v1/people/${encodeURIComponent(name)}/data`} download={`${name}.jsonl`} leftSection={<IconDownload size={14} />}>{t("data.export")}</Button>
        {self ? null : <Button size="xs" variant="subtle" color="red" onClick={ask.open}>{t("data.erase")}</Button>}
      </Group>
      {asked ? <Erase name={name} close={ask.close} erased={erased} /> : null}
    </Panel>
  );
}

function Erase({ name, close, erased }: { name: string; close: () => void; erased: () => void }) {
  const { t } = useTranslation(["people", "app"]);
  const client = useQueryClient();
  const [typed, setTyped] = useState("");
  const erase = useAct([], () => got(api.DELETE("/api/v1/people/{name}/data", { params: { path: { name } } })));
  const rows = Object.values(erase.data?.deleted ?? {}).reduce((sum, one) => sum + one, 0);
  const done = erase.isSuccess;
  const finish = () => {
    erased();
    // Not before: what is open here is of somebody who is gone.
    void client.invalidateQueries({ predicate: ({ queryKey: [, of] }) => of !== "one" && of !== "sessions" && of !== "of" });
  };
  return (
    <Modal opened onClose={done ? finish : close} title={done ? t("data.erased") : t("data.ask", { name })} closeButtonProps={{ "aria-label": t("app:action.close") }} styles={{ title: { overflowWrap: "anywhere" } }}>
      {done ? (
        <Stack>
          <Text size="sm" role="status">{t("data.erasedTell", { rows, pseudonym: erase.data.pseudonym })}</Text>
          {erase.data.remark ? <Text size="sm">{erase.data.remark}</Text> : null}
          <Group justify="flex-end"><Button onClick={finish}>{t("app:action.close")}</Button></Group>
        </Stack>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (typed === name) erase.mutate();
          }}
        >
          <Stack>
            <Text size="sm">{t("data.askTell")}</Text>
            <TextInput label={t("data.type", { name })} autoComplete="off" data-autofocus value={typed} onChange={(event) => setTyped(event.currentTarget.value)} />
            {erase.error ? <Trouble error={erase.error} /> : null}
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>{t("app:action.cancel")}</Button>
              <Button type="submit" color="red" disabled={typed !== name} loading={erase.isPending}>{t("data.erase")}</Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  );
}
