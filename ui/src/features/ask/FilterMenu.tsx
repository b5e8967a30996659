import { Button, Checkbox, Group, MultiSelect, Popover, Stack, TextInput } from "@mantine/core";
import { IconAdjustmentsHorizontal } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { countOf, FILE_KINDS, type FileKind, type Filters } from "./filters";

/** Where to look: sources, kinds of files, days, tables only. What is chosen stands in the address. */
export function FilterMenu({ filters, sources, onChange }: { filters: Filters; sources: readonly string[]; onChange: (chosen: Filters) => void }) {
  const { t } = useTranslation("ask");
  const count = countOf(filters);
  const change = (part: { [Key in keyof Filters]?: Filters[Key] | undefined }) =>
    onChange(Object.fromEntries(Object.entries({ ...filters, ...part }).filter(([, one]) => one !== undefined && one !== "")));
  return (
    <Popover position="top-start" width={320} trapFocus returnFocus withinPortal>
      <Popover.Target>
        <Button size="compact-sm" variant={count ? "light" : "subtle"} color={count ? "slate" : "gray"} leftSection={<IconAdjustmentsHorizontal size={16} />}>
          {count ? t("filter.some", { count }) : t("filter.none")}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label={t("filter.title")}>
        <Stack gap="sm">
          <MultiSelect
            label={t("filter.sources")}
            placeholder={filters.in ? "" : t("filter.allSources")}
            data={[...new Set([...sources, ...(filters.in ?? [])])]}
            value={filters.in ?? []}
            onChange={(chosen) => change({ in: chosen.length ? chosen : undefined })}
            comboboxProps={{ withinPortal: false }}
            clearable
          />
          <MultiSelect<FileKind>
            label={t("filter.files")}
            placeholder={filters.files ? "" : t("filter.allFiles")}
            data={FILE_KINDS.map((value) => ({ value, label: t(`filter.file.${value}`) }))}
            value={filters.files ?? []}
            onChange={(chosen) => change({ files: chosen.length ? chosen : undefined })}
            comboboxProps={{ withinPortal: false }}
            clearable
          />
          <Group grow gap="xs">
            <TextInput type="date" label={t("filter.since")} value={filters.since ?? ""} max={filters.until} onChange={(event) => change({ since: event.currentTarget.value || undefined })} />
            <TextInput type="date" label={t("filter.until")} value={filters.until ?? ""} min={filters.since} onChange={(event) => change({ until: event.currentTarget.value || undefined })} />
          </Group>
          <Checkbox label={t("filter.tables")} checked={filters.kind === "table"} onChange={(event) => change({ kind: event.currentTarget.checked ? "table" : undefined })} />
          <Button size="xs" variant="subtle" color="gray" disabled={!count} onClick={() => onChange({})}>{t("filter.clear")}</Button>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
