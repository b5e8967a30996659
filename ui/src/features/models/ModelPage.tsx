import { Alert, Anchor, Button, Group, Text } from "@mantine/core";
import { IconArrowLeft, IconCircleCheck, IconMoodEmpty, IconPlugConnected } from "@tabler/icons-react";
import { Link, useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { counted } from "@/app/lasting";
import { Loaded } from "@/app/Loaded";
import { Trouble } from "@/app/Trouble";
import { moment } from "@/app/when";
import { Blank } from "@/primitives/Blank";
import { Facts } from "@/primitives/Facts";
import { Page } from "@/primitives/Page";
import { Panel } from "@/primitives/Panel";
import { Conformance } from "./Conformance";
import { Failed } from "./Failed";
import { LastCheck } from "./LastCheck";
import { Maker } from "./Maker";
import css from "./models.module.css";
import { Price } from "./Price";
import { useCheck, useDeclared, useKeeper, useModels, type Declared, type Model } from "./queries";
import { Settings } from "./Settings";
import { span } from "./state";
import { StateBadge } from "./StateBadge";

/** One model: whether it answers, how well it keeps to what answers rely on, and its settings. */
export function ModelPage() {
  const { t } = useTranslation("models");
  const { model: name = "" } = useParams({ strict: false });
  const models = useModels();
  const keeper = useKeeper();
  const declared = useDeclared();
  return (
    <Page title={name}>
      <Anchor component={Link} to="/admin/models" search={{} as never} size="sm"><Group gap={4} component="span"><IconArrowLeft size={16} aria-hidden />{t("title")}</Group></Anchor>
      <Loaded query={models} height={320}>
        {({ models: all }) => {
          const found = all.find((one) => one.kind === "model" && one.name === name);
          if (!found) return <Blank icon={IconMoodEmpty} title={t("gone.title")} tell={t("gone.tell")} />;
          return (
            <>
              <Overview model={found} declared={declared.data?.models.find((one) => one.name === name)} />
              <Conformance model={name} />
              {keeper ? <Loaded query={declared}>{({ models: own }) => { const one = own.find((known) => known.name === name); return one ? <Settings key={JSON.stringify(one)} declared={one} answers={found.default} /> : null; }}</Loaded> : null}
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}

function Overview({ model, declared }: { model: Model; declared: Declared | undefined }) {
  const { t } = useTranslation("models");
  const check = useCheck();
  const { checked } = model;
  const address = typeof declared?.settings["base_url"] === "string" ? declared.settings["base_url"] : "";
  const facts: [string, React.ReactNode][] = [
    [t("fact.state"), <StateBadge key="state" model={model} />],
    [t("fact.answers"), model.default ? t("yes") : t("no")],
    [t("fact.model"), <Text key="model" inherit lineClamp={3} title={model.model}><Maker model={model} /></Text>],
    [t("fact.price"), <Price key="price" model={model} />],
    [t("fact.window"), model.context_window ? t("tokens", { many: counted(model.context_window) }) : t("unknown")],
    [t("fact.key"), <Key key="key" model={model} />],
    [t("fact.checked"), <LastCheck key="checked" model={model} />],
  ];
  if (address) facts.splice(3, 0, [t("field.base_url"), <Text key="address" inherit lineClamp={3} title={address}>{address}</Text>]);
  const act = <Button leftSection={<IconPlugConnected size={16} />} variant="default" size="xs" loading={check.isPending} onClick={() => check.mutate(model.name)}>{t("check.act")}</Button>;
  return (
    <Panel title={t("overview")} acts={act}>
      <Facts facts={facts} />
      {check.error ? <Trouble error={check.error} /> : null}
      {model.problem ? <Alert color="red" variant="light" title={t("state.broken")}><Text size="sm" className={css.told}>{model.problem}</Text></Alert> : null}
      {model.breaker === "opened" ? <Alert color="orange" variant="light" title={t("state.rests")}><Text size="sm">{t("restsTell")}</Text></Alert> : null}
      {checked && !checked.ok ? <Failed checked={checked} /> : null}
      {checked?.ok ? <Ready model={model} first={checked.first_token_ms ?? null} /> : null}
    </Panel>
  );
}

/** It answered: what to do with it next. */
function Ready({ model, first }: { model: Model; first: number | null }) {
  const { t } = useTranslation("models");
  return (
    <Alert color="green" variant="light" icon={<IconCircleCheck />} title={first === null ? t("ready.title") : t("ready.timed", { span: span(first) })} role="status">
      {model.default ? <Text size="sm">{t("ready.answers")}</Text> : (
        <Text size="sm">{t("ready.next")} <Anchor component={Link} to="/admin/models" search={{ show: "answering" } as never} size="sm" c="inherit">{t("ready.choose")}</Anchor></Text>
      )}
    </Alert>
  );
}

function Key({ model: { key } }: { model: Model }) {
  const { t } = useTranslation("models");
  if (!key) return <>{t("key.none")}</>;
  if (key.origin === "configuration") return <>{t("key.configured")}</>;
  return <span title={key.set_at ? moment(key.set_at) : undefined}>{t("key.given", { who: key.set_by })}</span>;
}
