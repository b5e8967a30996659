import { Button, Group, PasswordInput, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconTrash } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";
import { api, everywhere, got } from "@/api/client";
import { Trouble } from "@/app/Trouble";
import { moment } from "@/app/when";
import { Confirm } from "@/primitives/Confirm";
import { Panel } from "@/primitives/Panel";
import { draftOf, PROVIDERS, settingsOf, wrongIn, type Draft } from "./form";
import { ModelFields } from "./ModelFields";
import css from "./models.module.css";
import { useAct, type Declared } from "./queries";

/** How a model is asked, its key, and the end of it. */
export function Settings({ declared, answers }: { declared: Declared; answers: boolean }) {
  const { t } = useTranslation("models");
  const takesKey = PROVIDERS.some((one) => one === declared.settings["provider"]) && declared.key?.origin !== "configuration";
  return (
    <>
      {declared.declared === "added" ? <How declared={declared} /> : <Panel title={t("settings.title")}><Text size="sm" className={css.told}>{t("settings.configured", { where: declared.where || t("settings.file") })}</Text></Panel>}
      {takesKey ? <Key declared={declared} /> : null}
      {declared.declared === "added" ? <Away name={declared.name} answers={answers} /> : null}
    </>
  );
}

function useChecked(name: string) {
  // What was mended is tried at once; the page shows what came of it.
  return () => api.POST("/api/v1/models/check", { body: { model: name } }).catch(() => undefined);
}

function How({ declared }: { declared: Declared }) {
  const { t } = useTranslation(["models", "app"]);
  const { name } = declared;
  const [opened, open] = useDisclosure(false);
  const [draft, setDraft] = useState<Draft>(draftOf(declared));
  const [tried, setTried] = useState(false);
  const again = useChecked(name);
  const keep = useAct(async () => {
    await got(everywhere.PUT("/api/v1/models/declared/{name}", { params: { path: { name } }, body: { settings: settingsOf(draft), ...(draft.key ? { key: draft.key } : {}) } }));
    await again();
  }, open.close);
  const wrong = wrongIn(draft, declared);
  const send = (event: SyntheticEvent) => {
    event.preventDefault();
    setTried(true);
    if (Object.keys(wrong).length === 0) keep.mutate();
  };
  const leave = () => {
    setDraft(draftOf(declared));
    open.close();
  };
  const { changed_by: who, changed_at: when } = declared;
  return (
    <Panel title={t("settings.title")} tell={who && when ? t("settings.added", { who, when: moment(when) }) : ""} acts={opened ? null : <Button size="xs" variant="default" onClick={open.open}>{t("settings.change")}</Button>}>
      {opened ? (
        <form onSubmit={send} noValidate>
          <Stack gap="md">
            <ModelFields draft={draft} wrong={tried ? wrong : {}} exists hasKey={Boolean(declared.key)} onChange={setDraft} />
            {keep.error ? <Trouble error={keep.error} /> : null}
            <Group>
              <Button type="submit" loading={keep.isPending}>{t("settings.save")}</Button>
              <Button variant="default" onClick={leave}>{t("app:action.cancel")}</Button>
            </Group>
          </Stack>
        </form>
      ) : null}
    </Panel>
  );
}

/** A key goes in and never comes out again. */
function Key({ declared }: { declared: Declared }) {
  const { t } = useTranslation(["models", "app"]);
  const { name, key: has } = declared;
  const [key, setKey] = useState("");
  const [asked, ask] = useDisclosure(false);
  const params = { path: { name } };
  const again = useChecked(name);
  const give = useAct(async () => {
    await got(everywhere.PUT("/api/v1/models/declared/{name}/key", { params, body: { key } }));
    setKey("");
    await again();
  });
  const take = useAct(() => got(everywhere.DELETE("/api/v1/models/declared/{name}/key", { params })), ask.close);
  const send = (event: SyntheticEvent) => {
    event.preventDefault();
    if (key) give.mutate();
  };
  return (
    <Panel title={t("key.title")} tell={has ? t("key.has", { who: has.set_by, when: has.set_at ? moment(has.set_at) : "" }) : t("key.hasNone")}>
      <form onSubmit={send}>
        <Group align="flex-end" gap="sm">
          <PasswordInput label={has ? t("key.another") : t("key.first")} autoComplete="new-password" maxLength={4_000} value={key} w={{ base: "100%", xs: 320 }} onChange={(event) => setKey(event.currentTarget.value.trim())} />
          <Button type="submit" variant="default" disabled={!key} loading={give.isPending}>{t("key.give")}</Button>
          {has ? <Button variant="subtle" color="red" onClick={ask.open}>{t("key.take")}</Button> : null}
        </Group>
      </form>
      {give.error ? <Trouble error={give.error} /> : null}
      <Confirm opened={asked} onClose={ask.close} title={t("key.ask")} tell={t("key.askTell", { name })} act={t("key.take")} cancel={t("app:action.cancel")} danger busy={take.isPending} onAct={() => take.mutate()}>
        {take.error ? <Trouble error={take.error} /> : null}
      </Confirm>
    </Panel>
  );
}

function Away({ name, answers }: { name: string; answers: boolean }) {
  const { t } = useTranslation(["models", "app"]);
  const navigate = useNavigate();
  const [asked, ask] = useDisclosure(false);
  const remove = useAct(() => got(everywhere.DELETE("/api/v1/models/declared/{name}", { params: { path: { name } } })), () => navigate({ to: "/admin/models", search: {} as never }));
  return (
    <Panel title={t("remove.title")} tell={answers ? t("remove.answers") : t("remove.tell")}>
      <Group><Button size="xs" variant="light" color="red" disabled={answers} leftSection={<IconTrash size={14} />} onClick={ask.open}>{t("remove.act")}</Button></Group>
      <Confirm opened={asked} onClose={ask.close} title={t("remove.ask", { name })} tell={t("remove.askTell")} act={t("remove.act")} cancel={t("app:action.cancel")} danger busy={remove.isPending} onAct={() => remove.mutate()}>
        {remove.error ? <Trouble error={remove.error} /> : null}
      </Confirm>
    </Panel>
  );
}
