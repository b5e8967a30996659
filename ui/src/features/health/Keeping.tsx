import { Alert, Code, Progress, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { counted } from "@/app/lasting";
import { ago, moment } from "@/app/when";
import { Facts } from "@/primitives/Facts";
import { Panel } from "@/primitives/Panel";
import { bytes } from "./bytes";

/** Less of the disk free than this, and writing will fail soon. */
const LITTLE = 0.1;
/** A run waits no longer than this where a worker is free. */
const LONG_MS = 5 * 60_000;

export function Storage({ space }: { space: Schemas["Space"] }) {
  const { t } = useTranslation("health");
  const used = space.total > 0 ? 1 - space.free / space.total : 0;
  const little = space.free / space.total < LITTLE;
  const facts: [string, ReactNode][] = [
    [t("space.database"), space.database === null ? t("space.elsewhere") : bytes(space.database)],
    [t("space.files"), bytes(space.files)],
    [t("space.index"), space.index === null ? t("space.elsewhere") : bytes(space.index)],
    [t("space.free"), t("space.of", { free: bytes(space.free), total: bytes(space.total) })],
  ];
  return (
    <Panel title={t("space.title")} tell={t("space.tell")}>
      {little ? <Alert color="orange" variant="light" icon={<IconAlertTriangle />} title={t("space.little")}>{t("space.littleTell")}</Alert> : null}
      <Progress value={used * 100} color={little ? "orange" : "slate"} aria-label={t("space.used", { percent: Math.round(used * 100) })} />
      <Facts facts={facts} />
      <Text size="sm" style={{ overflowWrap: "anywhere" }}>{t("space.folder")} <Code>{space.folder}</Code></Text>
    </Panel>
  );
}

export function Runs({ condition: { inside, runs } }: { condition: Schemas["Condition"] }) {
  const { t } = useTranslation("health");
  const [now] = useState(Date.now);
  const stuck = runs.waiting_since !== null && runs.running === 0 && now - Date.parse(runs.waiting_since) > LONG_MS;
  const facts: [string, ReactNode][] = [
    [t("runs.by"), inside ? t("runs.inside") : t("runs.apart")],
    [t("runs.running"), counted(runs.running)],
    [t("runs.queued"), counted(runs.queued)],
  ];
  if (runs.waiting_since) facts.push([t("runs.oldest"), ago(runs.waiting_since)]);
  if (runs.beat_at) facts.push([t("runs.beat"), ago(runs.beat_at)]);
  return (
    <Panel title={t("runs.title")} tell={t("runs.tell")}>
      {stuck ? <Alert color="red" variant="light" icon={<IconAlertTriangle />} title={t("runs.stuck")}>{inside ? t("runs.stuckInside") : t("runs.stuckApart")}</Alert> : null}
      <Facts facts={facts} />
    </Panel>
  );
}

/** The daily round, and which version runs. */
export function Keeping({ condition: { housekeeping, version } }: { condition: Schemas["Condition"] }) {
  const { t } = useTranslation("health");
  const deleted = Object.values(housekeeping?.deleted ?? {}).reduce((sum, one) => sum + one, 0);
  const facts: [string, ReactNode][] = [
    [t("house.last"), housekeeping ? <span key="at" title={moment(housekeeping.at)}>{ago(housekeeping.at)}</span> : t("house.never")],
  ];
  if (housekeeping) facts.push([t("house.files"), t("house.freed", { count: housekeeping.files, size: bytes(housekeeping.bytes) })], [t("house.deleted"), counted(deleted)]);
  facts.push([t("house.version"), version]);
  return <Panel title={t("house.title")} tell={t("house.tell")}><Facts facts={facts} /></Panel>;
}
