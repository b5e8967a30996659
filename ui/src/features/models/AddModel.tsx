import { Anchor, Button, Group, Stack } from "@mantine/core";
import { IconArrowLeft, IconLock } from "@tabler/icons-react";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";
import { api, everywhere, got } from "@/api/client";
import { Trouble } from "@/app/Trouble";
import { Blank } from "@/primitives/Blank";
import { Page } from "@/primitives/Page";
import { Panel } from "@/primitives/Panel";
import { EMPTY, settingsOf, wrongIn, type Draft } from "./form";
import { ModelFields } from "./ModelFields";
import { useAct, useKeeper, useModels } from "./queries";

/** A model of one's own: kept, asked for a word, and then shown with what came of it. */
export function AddModel() {
  const { t } = useTranslation("models");
  const keeper = useKeeper();
  return (
    <Page title={t("new.title")} tell={t("new.tell")} size="sm">
      <Anchor component={Link} to="/admin/models" search={{} as never} size="sm"><Group gap={4} component="span"><IconArrowLeft size={16} aria-hidden />{t("title")}</Group></Anchor>
      {keeper ? <Form /> : <Blank icon={IconLock} title={t("new.forbidden")} tell={t("new.forbiddenTell")} />}
    </Page>
  );
}

function Form() {
  const { t } = useTranslation(["models", "app"]);
  const navigate = useNavigate();
  const [draft, setDraft] = useState<Draft>(EMPTY);
  const [tried, setTried] = useState(false);
  const taken = (useModels().data?.models ?? []).some((one) => one.name === draft.name);
  const add = useAct(
    async () => {
      const made = await got(everywhere.PUT("/api/v1/models/declared/{name}", { params: { path: { name: draft.name } }, body: { settings: settingsOf(draft), ...(draft.key ? { key: draft.key } : {}) } }));
      // Its page shows what came of it; that it could not be tried adds nothing to that.
      await api.POST("/api/v1/models/check", { body: { model: made.name } }).catch(() => undefined);
      return made;
    },
    (made) => navigate({ to: "/admin/models/$model", params: { model: made.name } } as never),
  );
  const wrong = wrongIn(draft);
  if (taken) wrong.name = "taken";
  const send = (event: SyntheticEvent) => {
    event.preventDefault();
    setTried(true);
    if (Object.keys(wrong).length === 0) add.mutate();
  };
  return (
    <form onSubmit={send} noValidate>
      <Stack gap="md">
        <Panel title={t("new.what")}><ModelFields draft={draft} wrong={tried ? wrong : {}} onChange={setDraft} /></Panel>
        {add.error ? <Trouble error={add.error} /> : null}
        <Group>
          <Button type="submit" loading={add.isPending}>{t("new.add")}</Button>
          <Button variant="default" component={Link} to="/admin/models" search={{} as never}>{t("app:action.cancel")}</Button>
        </Group>
      </Stack>
    </form>
  );
}
