import { Accordion, Badge, Code, Group, Stack, Switch, Text, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconAdjustmentsOff, IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, got, type Schemas } from "@/api/client";
import { Loaded } from "@/app/Loaded";
import { Blank } from "@/primitives/Blank";
import { Page } from "@/primitives/Page";
import { Panel } from "@/primitives/Panel";
import { Draft } from "./Draft";
import css from "./settings.module.css";
import { shown, valueOf } from "./values";

export function SettingsPage() {
  const { t } = useTranslation("settings");
  const found = useQuery({ queryKey: ["settings"], queryFn: () => got(api.GET("/api/v1/settings")), staleTime: 300_000 });
  return (
    <Page title={t("title")} tell={t("tell")}>
      <Loaded query={found} height={400}>
        {({ sections, file }) => (
          <>
            <Panel title={t("draft.title")} tell={t("draft.tell")}><Draft file={file} /></Panel>
            <InUse sections={sections} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

/** The top level has no name of its own, and no table may be called this. */
const idOf = (section: Schemas["ToldSection"]) => section.name || ".";

function InUse({ sections }: { sections: Schemas["ToldSection"][] }) {
  const { t } = useTranslation("settings");
  const { search = "", set } = useSearch({ strict: false });
  const navigate = useNavigate();
  const go = (said: { search?: string; set?: string }) => void navigate({ to: "/admin/settings", search: Object.fromEntries(Object.entries({ search, set, ...said }).filter(([, value]) => value)), replace: true });
  const seek = useDebouncedCallback((sought: string) => go({ search: sought }), 250);
  const found = shown(sections, search, set === "here");
  const narrowed = search !== "" || set === "here";
  return (
    <Panel title={t("inUse")} tell={t("inUseTell")}>
      <Group gap="md">
        <TextInput flex="1 1 14rem" leftSection={<IconSearch size={16} />} aria-label={t("search")} placeholder={t("search")} maxLength={200} defaultValue={search} onChange={(event) => seek(event.currentTarget.value.trim())} />
        <Switch label={t("onlySet")} checked={set === "here"} onChange={(event) => go({ set: event.currentTarget.checked ? "here" : "" })} />
      </Group>
      {found.length === 0 ? <Blank icon={IconAdjustmentsOff} title={t("none.title")} tell={t("none.tell")} /> : null}
      <Accordion multiple variant="separated" key={`${search} ${set ?? ""}`} defaultValue={narrowed ? found.map(idOf) : []} order={3}>
        {found.map((one) => <Section key={one.name} section={one} />)}
      </Accordion>
    </Panel>
  );
}

function Section({ section }: { section: Schemas["ToldSection"] }) {
  const { t } = useTranslation("settings");
  const set = section.settings.filter((one) => one.origin !== "default").length;
  return (
    <Accordion.Item value={idOf(section)}>
      <Accordion.Control>
        <Group justify="space-between" wrap="nowrap" gap="sm">
          <Text size="sm" fw={600} className={css.key}><bdi>{section.name ? `[${section.name}]` : t("top")}</bdi></Text>
          <Text size="xs" c="var(--soft)" flex="none" pe="sm">{set ? t("set", { count: set }) : t("allDefault")}</Text>
        </Group>
      </Accordion.Control>
      <Accordion.Panel>
        <Stack gap="md">
          {section.about ? <Text size="sm" c="var(--soft)">{section.about}</Text> : null}
          <Stack component="dl" gap="md" m={0}>{section.settings.map((one) => <Setting key={one.key} setting={one} />)}</Stack>
        </Stack>
      </Accordion.Panel>
    </Accordion.Item>
  );
}

function Setting({ setting: one }: { setting: Schemas["ToldSetting"] }) {
  const { t } = useTranslation("settings");
  const value = one.secret ? (one.value === null ? t("secretUnset") : t("secretSet")) : valueOf(one.value, { yes: t("yes"), no: t("no"), empty: t("empty") });
  return (
    <div>
      <Group component="dt" gap="xs" wrap="wrap">
        <Code className={css.key}>{one.key}</Code>
        {one.origin === "default" ? null : <Badge variant="light" tt="none" className={css.badge} title={one.where}>{t(`origin.${one.origin}`)}</Badge>}
      </Group>
      <dd className={css.value}>
        <Text size="sm" fw={550}>{value}</Text>
        {one.about ? <Text size="xs" c="var(--soft)">{one.about}</Text> : null}
        {one.where ? <Text size="xs" c="var(--soft)" className={css.key}>{t("from", { where: one.where })}</Text> : null}
      </dd>
    </div>
  );
}
