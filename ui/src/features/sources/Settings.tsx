import { Alert, Button, Group, Skeleton, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconCircleCheck, IconTrash } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { counted } from "@/app/lasting";
import { Loaded } from "@/app/Loaded";
import { Trouble } from "@/app/Trouble";
import { Confirm } from "@/primitives/Confirm";
import { Panel } from "@/primitives/Panel";
import { changed } from "./changed";
import type { Config } from "./form/ConfigForm";
import { useAct, useConnectors, type Source } from "./queries";
import { oftenOf, Rhythm, scheduled, type Often } from "./Rhythm";
import css from "./sources.module.css";

const ConfigForm = lazy(() => import("./form/ConfigForm"));

/** How a source is read, from when on, and the end of it. */
export function Settings({ source }: { source: Source }) {
  return (
    <>
      <When source={source} />
      <How source={source} />
      <Away source={source} />
    </>
  );
}

function When({ source }: { source: Source }) {
  const { t } = useTranslation(["sources", "app"]);
  const [often, setOften] = useState<Often>(oftenOf(source.schedule));
  const keep = useAct(() => got(api.PUT("/api/v1/sources/{source}/schedule", { params: { path: { source: source.id } }, body: scheduled(often) ?? { cron: "" } })));
  const send = (event: SyntheticEvent) => {
    event.preventDefault();
    keep.mutate();
  };
  return (
    <Panel title={t("new.when")}>
      <form onSubmit={send}>
        <Stack gap="sm">
          <Rhythm value={often} onChange={setOften} />
          {keep.error ? <Trouble error={keep.error} /> : null}
          <Group><Button type="submit" size="xs" variant="default" loading={keep.isPending}>{t("app:action.save")}</Button></Group>
        </Stack>
      </form>
    </Panel>
  );
}

function How({ source }: { source: Source }) {
  const { t } = useTranslation(["sources", "app"]);
  const connectors = useConnectors();
  const [opened, open] = useDisclosure(false);
  const [config, setConfig] = useState<Config>(source.config);
  const params = { path: { source: source.id } };
  const check = useAct(() => got(api.POST("/api/v1/sources/{source}/check", { params })));
  const keep = useAct(() => got(api.PATCH("/api/v1/sources/{source}", { params, body: { config: changed(source.config, config) } })), open.close);
  const leave = () => {
    setConfig(source.config);
    open.close();
  };
  const acts = (
    <Group gap="xs">
      <Button size="xs" variant="default" loading={check.isPending} onClick={() => check.mutate()}>{t("check.act")}</Button>
      {opened ? null : <Button size="xs" variant="default" onClick={open.open}>{t("settings.change")}</Button>}
    </Group>
  );
  return (
    <Panel title={t("settings.title")} tell={t("settings.tell")} acts={acts}>
      {check.data ? <Alert color="green" variant="light" icon={<IconCircleCheck />} title={t("check.good")} role="status"><span className={css.told}>{check.data.reads}</span></Alert> : null}
      {check.error ? <Trouble error={check.error} /> : null}
      {opened ? (
        <Loaded query={connectors}>
          {({ connectors: all }) => (
            <Suspense fallback={<Skeleton h={240} />}>
              <ConfigForm id="settings" schema={all.find((one) => one.name === source.connector)?.form ?? {}} value={config} kept={source.secrets} onChange={setConfig} onSubmit={() => keep.mutate()}>
                {(form) => (
                  <Stack gap="md">
                    {form}
                    {keep.error ? <Trouble error={keep.error} /> : null}
                    <Group>
                      <Button type="submit" loading={keep.isPending}>{t("app:action.save")}</Button>
                      <Button variant="default" onClick={leave}>{t("app:action.cancel")}</Button>
                    </Group>
                  </Stack>
                )}
              </ConfigForm>
            </Suspense>
          )}
        </Loaded>
      ) : (
        <pre className={css.code} tabIndex={0} aria-label={t("settings.title")}>{JSON.stringify(source.config, null, 2)}</pre>
      )}
      {!opened && source.secrets.length ? <Text size="sm" c="var(--soft)">{t("settings.secrets", { names: source.secrets.join(", ") })}</Text> : null}
    </Panel>
  );
}

function Away({ source }: { source: Source }) {
  const { t } = useTranslation(["sources", "app"]);
  const navigate = useNavigate();
  const [asked, ask] = useDisclosure(false);
  const remove = useAct(() => got(api.DELETE("/api/v1/sources/{source}", { params: { path: { source: source.id } } })), () => navigate({ to: "/admin/sources" }));
  return (
    <Panel title={t("remove.title")} tell={t("remove.tell")}>
      <Group><Button size="xs" variant="light" color="red" leftSection={<IconTrash size={14} />} onClick={ask.open}>{t("remove.act")}</Button></Group>
      <Confirm opened={asked} onClose={ask.close} title={t("remove.ask")} tell={t("remove.askTell", { name: source.name, many: counted(source.documents) })} act={t("remove.act")} cancel={t("app:action.cancel")} danger busy={remove.isPending} onAct={() => remove.mutate()}>
        {remove.error ? <Trouble error={remove.error} /> : null}
      </Confirm>
    </Panel>
  );
}
