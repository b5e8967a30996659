import { Button, Group, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconDownload, IconTrash } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { addressed } from "@/api/client";
import { counted } from "@/app/lasting";
import { Trouble } from "@/app/Trouble";
import { ago, moment } from "@/app/when";
import { Confirm } from "@/primitives/Confirm";
import { Facts } from "@/primitives/Facts";
import { Note } from "@/primitives/Note";
import { StateOf } from "./DocumentList";
import css from "./documents.module.css";
import { useErase, useRetry, type Document } from "./queries";
import { called } from "./search";

/** What is known of a document, why it is not read where that is so, and what can be done about it. */
export function About({ document: one, onErased }: { document: Document; onErased: () => void }) {
  const { t } = useTranslation(["documents", "app"]);
  const [asked, ask] = useDisclosure(false);
  const retry = useRetry(one);
  const erase = useErase(one.id, onErased);
  const bad = one.state === "rejected" || one.state === "failed" || one.state === "dead_letter";
  return (
    <Stack gap="md">
      <Text size="sm" c="var(--soft)" className={css.anywhere}>{one.uri}</Text>
      <Facts
        facts={[
          [t("column.state"), <StateOf key="state" document={one} />],
          [t("column.source"), one.source],
          [t("column.chunks"), counted(one.chunks)],
          [t("column.read"), <span key="read" title={moment(one.updated_at)}>{ago(one.updated_at)}</span>],
        ]}
      />
      {bad ? <Note title={t("notRead")} detail={one.message || one.reason} hint={one.next_attempt ? t("again", { when: moment(one.next_attempt) }) : ""} act={{ label: t("retry"), run: () => retry.mutate() }} /> : null}
      {retry.isPending || retry.isSuccess ? <Text size="sm" role="status">{retry.isPending ? t("app:loading") : t("retried")}</Text> : null}
      {retry.error ? <Trouble error={retry.error} /> : null}
      {one.warnings.length ? <Text size="sm" className={css.anywhere}>{t("warnings", { said: one.warnings.join(", ") })}</Text> : null}
      <Group gap="xs">
        {one.version ? <Button component="a" href={addressed(`/api/v1/documents/${encodeURIComponent(one.id)}/versions/${one.version}/text`)} download size="xs" variant="default" leftSection={<IconDownload size={14} />}>{t("text")}</Button> : null}
        <Button size="xs" variant="default" c="var(--mantine-color-red-text)" leftSection={<IconTrash size={14} />} onClick={ask.open}>{t("erase.act")}</Button>
      </Group>
      <Confirm opened={asked} onClose={ask.close} title={t("erase.ask")} tell={t("erase.tell", { title: called(one) })} act={t("erase.act")} cancel={t("app:action.cancel")} danger busy={erase.isPending} onAct={() => erase.mutate()}>
        {erase.error ? <Trouble error={erase.error} /> : null}
      </Confirm>
    </Stack>
  );
}
