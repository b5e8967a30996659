import { ActionIcon, Drawer, Group, Tabs, Text, Title } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconFileOff, IconX } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { SourcePanel } from "@/features/source/SourcePanel";
import { Blank } from "@/primitives/Blank";
import { About } from "./About";
import { Chunks } from "./Chunks";
import css from "./documents.module.css";
import type { Chunk, Document } from "./queries";
import { called } from "./search";

interface DocumentDrawerProps {
  id: string | undefined;
  version: number | undefined;
  /** What the list says of it; a link may open one that this page of the list does not have. */
  known: Document | undefined;
  onClose: () => void;
}

/** A document over the list: what is known of it and its pieces, beside its text. */
export function DocumentDrawer({ id, version, known, onClose }: DocumentDrawerProps) {
  const { t } = useTranslation("documents");
  return (
    <Drawer.Root opened={id !== undefined} onClose={onClose} position="right" size="min(100%, 80rem)" padding={0}>
      <Drawer.Overlay />
      <Drawer.Content aria-label={t("one")}>
        <Drawer.Body className={css.over ?? ""}>{id === undefined ? null : <Opened key={id} id={id} version={version ?? known?.version ?? undefined} known={known} onClose={onClose} />}</Drawer.Body>
      </Drawer.Content>
    </Drawer.Root>
  );
}

function Opened({ id, version, known, onClose }: DocumentDrawerProps & { id: string }) {
  const { t } = useTranslation(["documents", "app"]);
  const [chunk, choose] = useState<Chunk>();
  const [tab, setTab] = useState<string | null>("pieces");
  const wide = useMediaQuery("(min-width: 62em)", undefined, { getInitialValueInEffect: false });
  const chosen = (one: Chunk) => {
    choose(one);
    setTab("text");
  };
  const facts = (
    <div className={css.facts}>
      {known ? <About document={known} onErased={onClose} /> : null}
      {version === undefined ? <Text size="sm">{t("answersNothing")}</Text> : <Chunks document={id} version={version} chosen={chunk?.chunk_id} onChoose={chosen} />}
    </div>
  );
  const title = known ? called(known) : (chunk?.title ?? "");
  const head = (
    <Group justify="space-between" wrap="nowrap" align="flex-start" p="md" pb={0}>
      <Title order={2} size="h5" lineClamp={3} className={css.anywhere}><bdi>{title || t("one")}</bdi></Title>
      <ActionIcon aria-label={t("app:action.close")} onClick={onClose} data-autofocus><IconX size={18} /></ActionIcon>
    </Group>
  );
  if (version === undefined)
    return (
      <div className={css.column}>
        {head}
        {known ? facts : <Blank icon={IconFileOff} title={t("notHere")} tell={t("notHereTell")} />}
      </div>
    );
  const text = (
    <SourcePanel
      citation={{
        n: 1, document_id: id, version, document: title || t("one"), uri: known?.uri ?? "", chunk_id: chunk?.chunk_id ?? "",
        page: chunk?.page ?? null, span: [chunk?.start ?? 0, chunk?.end ?? 0], boxes: chunk?.boxes ?? [], quote: chunk?.text ?? "",
      }}
      count={{ at: 0, of: 1 }}
      onStep={() => undefined}
      onClose={onClose}
    />
  );
  if (wide)
    return (
      <div className={css.both}>
        <section className={css.column} aria-label={t("pieces")}>{facts}</section>
        <section className={css.beside} aria-label={t("theText")}>{text}</section>
      </div>
    );
  return (
    <div className={css.column}>
      {head}
      <Tabs value={tab} onChange={setTab} className={css.tabs ?? ""} keepMounted={false}>
        <Tabs.List grow><Tabs.Tab value="pieces">{t("pieces")}</Tabs.Tab><Tabs.Tab value="text">{t("theText")}</Tabs.Tab></Tabs.List>
        <Tabs.Panel value="pieces" className={css.tab ?? ""}>{facts}</Tabs.Panel>
        <Tabs.Panel value="text" className={css.tab ?? ""}>{text}</Tabs.Panel>
      </Tabs>
    </div>
  );
}
