import { Alert, Badge, Code, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { counted } from "@/app/lasting";
import { ago, moment } from "@/app/when";
import { Facts } from "@/primitives/Facts";
import { Panel } from "@/primitives/Panel";
import { bytes, worry } from "./bytes";

/** When the last backup was made and read back, and what to do where that is long ago. */
export function Backups({ condition: { backup, verified } }: { condition: Schemas["Condition"] }) {
  const { t } = useTranslation("health");
  const [now] = useState(Date.now);
  const state = worry(backup?.at, now);
  const badge = <Badge variant="light" tt="none" color={state === "fine" ? "green" : "orange"}>{t(`backup.${state}`)}</Badge>;
  const facts: [string, ReactNode][] = backup
    ? [
        [t("backup.made"), <span key="at" title={moment(backup.at)}>{ago(backup.at)}</span>],
        [t("backup.size"), bytes(backup.bytes)],
        [t("backup.holds"), t("backup.rows", { rows: counted(backup.rows), files: counted(backup.files) })],
        [t("backup.read"), verified && !verified.trouble ? <span key="read" title={moment(verified.at)}>{ago(verified.at)}</span> : t("backup.never")],
      ]
    : [];
  return (
    <Panel title={t("backup.title")} tell={t("backup.tell")} acts={badge}>
      {verified?.trouble ? <Alert color="red" variant="light" icon={<IconAlertTriangle />} title={t("backup.damaged", { when: ago(verified.at) })}><Text size="sm" style={{ overflowWrap: "anywhere" }}>{verified.folder}: {verified.trouble}</Text></Alert> : null}
      {backup?.damaged ? <Alert color="orange" variant="light" icon={<IconAlertTriangle />}>{t("backup.missing", { count: backup.damaged })}</Alert> : null}
      {facts.length ? <Facts facts={facts} /> : null}
      {backup ? <Text size="sm" style={{ overflowWrap: "anywhere" }}>{t("backup.where")} <Code>{backup.folder}</Code></Text> : null}
      {backup ? <Text size="xs" c="var(--soft)">{backup.keys ? t("backup.withKeys") : t("backup.withoutKeys")}</Text> : null}
      {state === "fine" ? null : <Text size="sm">{t("backup.how")}</Text>}
      <Code block style={{ overflowWrap: "anywhere", whiteSpace: "pre-wrap" }}>{"rag backup /backups/$(date +%F)\nrag backup /backups/$(date +%F) --verify"}</Code>
    </Panel>
  );
}
