import { Alert, Button, Group, Skeleton, Stack, TextInput } from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, domainOfPage, got, type Schemas } from "@/api/client";
import { asProblem } from "@/api/problem";
import { Trouble } from "@/app/Trouble";
import { Panel } from "@/primitives/Panel";
import type { Config } from "./form/ConfigForm";
import { refusal, useAct } from "./queries";
import { Rhythm, scheduled, type Often } from "./Rhythm";
import css from "./sources.module.css";
import { useTold } from "./form/told";

const ConfigForm = lazy(() => import("./form/ConfigForm"));

/** What to read, tried before it is kept; then it is read for the first time. */
export function NewSource({ connector }: { connector: Schemas["ConnectorInfo"] }) {
  const { t } = useTranslation("sources");
  const navigate = useNavigate();
  const client = useQueryClient();
  const tell = useTold();
  const [name, setName] = useState("");
  const [config, setConfig] = useState<Config>({});
  const [often, setOften] = useState<Often>("hour");
  const check = useMutation({
    mutationFn: () => got(api.POST("/api/v1/connectors/{connector}/check", { params: { path: { connector: connector.name } }, body: { config } })),
  });
  const add = useAct(
    async () => {
      const domain = domainOfPage();
      const made = await got(api.POST("/api/v1/sources", { body: { connector: connector.name, config, name: name.trim() || null, ...(domain ? { domain } : {}) } }));
      const params = { path: { source: made.id } };
      const schedule = scheduled(often);
      // It is there from here on: what is refused now is told on its own page, where it can be mended.
      try {
        if (schedule) await api.PUT("/api/v1/sources/{source}/schedule", { params, body: schedule });
        if (connector.name !== "uploads") await api.POST("/api/v1/sources/{source}/sync", { params });
      } catch (error) {
        client.setQueryData(refusal(made.id), asProblem(error));
      }
      return made;
    },
    (made) => navigate({ to: "/admin/sources/$source", params: { source: made.id } } as never),
  );
  const edit = (changed: Config) => {
    check.reset();
    setConfig(changed);
  };
  const probe = () => {
    add.reset();
    check.mutate();
  };
  return (
    <Suspense fallback={<Skeleton h={320} />}>
      <ConfigForm id="new-source" schema={connector.form ?? {}} value={config} onChange={edit} onSubmit={() => add.mutate()}>
        {(form) => (
          <Stack gap="md">
            <Panel title={t("new.what")} tell={tell(connector.about)}>
              <TextInput label={t("new.name")} description={t("new.nameTell")} maxLength={200} value={name} onChange={(event) => setName(event.currentTarget.value)} />
              {form}
            </Panel>
            <Panel title={t("new.when")}><Rhythm value={often} onChange={setOften} /></Panel>
            {check.data ? <Alert color="green" variant="light" icon={<IconCircleCheck />} title={t("check.good")} role="status"><span className={css.told}>{check.data.reads}</span></Alert> : null}
            {add.error ?? check.error ? <Trouble error={add.error ?? check.error} /> : null}
            <Group>
              <Button type="submit" loading={add.isPending}>{connector.name === "uploads" ? t("new.addUploads") : t("new.add")}</Button>
              <Button variant="default" loading={check.isPending} disabled={add.isPending} onClick={probe}>{t("check.act")}</Button>
            </Group>
          </Stack>
        )}
      </ConfigForm>
    </Suspense>
  );
}
