import { Badge, Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { ReactNode } from "react";
import { useMe } from "@/app/me";
import { OwnKeys } from "@/features/keys";
import { Page } from "@/primitives/Page";
import { ConsentChoice } from "./ConsentChoice";
import { Password } from "./Password";
import { SessionList } from "./SessionList";

export function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Paper component="section" withBorder p="lg" bg="var(--raised)">
      <Stack gap="sm">
        <Title order={2} size="h4">{title}</Title>
        {children}
      </Stack>
    </Paper>
  );
}

export function AccountPage() {
  const { t } = useTranslation("account");
  const me = useMe().data;
  if (me === undefined) return null;
  const alone = me.carrier === "machine";
  return (
    <Page title={t("title")} size="sm" {...(alone ? { tell: t("alone") } : {})}>
      <Part title={t("you")}>
        <Text fw={600} style={{ overflowWrap: "anywhere" }}>{me.user}</Text>
        <Group gap="xs"><Text c="var(--soft)" size="sm">{t("roles")}</Text>{me.roles.map((one) => <Badge key={one} variant="light" tt="none">{t(`role.${one}`)}</Badge>)}</Group>
        <Text c="var(--soft)" size="sm">{t("groups")}: {me.groups.join(", ") || t("noGroups")}</Text>
      </Part>
      {me.carrier === "session" ? <SessionList /> : null}
      {me.carrier === "session" ? <Part title={t("keys")}><OwnKeys roles={me.roles} /></Part> : null}
      {me.carrier === "session" ? <Password /> : null}
      <ConsentChoice />
      <Part title={t("data.title")}>
        <Text size="sm">{t("data.tell")}</Text>
        <Group><Button component="a" href="/api/v1/data" download variant="default" leftSection={<IconDownload size={16} />}>{t("data.download")}</Button></Group>
      </Part>
    </Page>
  );
}
