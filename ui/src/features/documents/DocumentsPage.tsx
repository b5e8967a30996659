import { Button, Group, NativeSelect, SegmentedControl, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconChevronLeft, IconChevronRight, IconFileOff, IconSearch } from "@tabler/icons-react";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Loaded } from "@/app/Loaded";
import { useSources } from "@/features/sources/queries";
import { Blank } from "@/primitives/Blank";
import { Page } from "@/primitives/Page";
import { DocumentDrawer } from "./DocumentDrawer";
import { DocumentList } from "./DocumentList";
import { useDocuments } from "./queries";
import { documentsOf, type DocumentsSearch } from "./search";

export function DocumentsPage() {
  const { t } = useTranslation(["documents", "app"]);
  const said = documentsOf(useSearch({ strict: false }));
  const navigate = useNavigate();
  const found = useDocuments(said);
  const go = (next: DocumentsSearch, replace = false) =>
    void navigate({ to: "/admin/documents", search: ((before: object) => documentsOf({ ...before, ...next })) as never, replace });
  /** Another list begins at its beginning. */
  const seek = (next: DocumentsSearch) => go({ ...next, after: "" }, true);
  const seekWords = useDebouncedCallback((search: string) => seek({ search }), 250);
  const close = () => go({ open: "", version: 0 });
  const opened = said.open === undefined ? undefined : found.data?.documents.find((one) => one.id === said.open);
  const sought = said.search ?? said.source ?? said.state;
  return (
    <Page title={t("title")} tell={t("tell")} size="xl">
      <Group align="flex-end" gap="sm">
        <TextInput leftSection={<IconSearch size={16} />} label={t("search")} placeholder={t("searchTell")} maxLength={200} defaultValue={said.search ?? ""} onChange={(event) => seekWords(event.currentTarget.value.trim())} w={{ base: "100%", sm: 320 }} />
        <SourceChoice value={said.source} onChange={(source) => seek({ source })} />
        <SegmentedControl
          aria-label={t("column.state")}
          value={said.state ?? "all"}
          onChange={(state) => seek({ state: state as "failed" })}
          data={(["all", "failed", "held"] as const).map((value) => ({ value, label: t(`only.${value}`) }))}
        />
      </Group>
      <Loaded query={found} height={320}>
        {({ documents, next }) => (
          <>
            {documents.length ? <DocumentList documents={documents} open={(one) => go({ open: one.id, version: one.version ?? 0 })} /> : <Blank icon={IconFileOff} title={t("none.title")} tell={sought ? t("none.search") : t("none.tell")} />}
            <Group>
              {said.after ? <Button variant="default" leftSection={<IconChevronLeft size={16} />} onClick={() => go({ after: "" })}>{t("firstPage")}</Button> : null}
              {next ? <Button variant="default" rightSection={<IconChevronRight size={16} />} loading={found.isPlaceholderData} onClick={() => go({ after: next })}>{t("nextPage")}</Button> : null}
            </Group>
          </>
        )}
      </Loaded>
      <DocumentDrawer id={said.open} version={said.version} known={opened} onClose={close} />
    </Page>
  );
}

function SourceChoice({ value, onChange }: { value: string | undefined; onChange: (source: string) => void }) {
  const { t } = useTranslation("documents");
  const sources = useSources().data?.sources ?? [];
  // One that was removed may still stand in the address.
  const names = [...new Set([...sources.map((one) => one.name), ...(value === undefined ? [] : [value])])];
  return <NativeSelect label={t("column.source")} value={value ?? ""} onChange={(event) => onChange(event.currentTarget.value)} data={[{ value: "", label: t("everySource") }, ...names]} w={{ base: "100%", sm: 220 }} />;
}
