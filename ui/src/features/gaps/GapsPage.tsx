import { Button, Group, Select, Stack, Text } from "@mantine/core";
import { IconFilterOff, IconMoodCheck } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { useDomain } from "@/app/me";
import { SPANS } from "@/app/spans";
import { Trouble } from "@/app/Trouble";
import { Blank } from "@/primitives/Blank";
import { Page } from "@/primitives/Page";
import { GapLine } from "./GapLine";
import { Questions } from "./Questions";
import css from "./gaps.module.css";
import { gapsOf, queryOf } from "./search";

export function GapsPage() {
  const { t, i18n } = useTranslation(["gaps", "app"]);
  const domain = useDomain();
  const search = gapsOf(useSearch({ strict: false }));
  const navigate = useNavigate();
  const found = useInfiniteQuery({
    queryKey: ["gaps", domain, search],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam: cursor }) => got(api.GET("/api/v1/gaps", { params: { query: { limit: 50, ...(domain === undefined ? {} : { domain }), ...queryOf(search), ...(cursor === undefined ? {} : { cursor }) } } })),
    getNextPageParam: (page) => page.next ?? undefined,
  });
  const all = found.data?.pages.flatMap((page) => page.gaps) ?? [];
  const known = new Set([...(found.data?.pages[0]?.languages ?? []), ...all.map((one) => one.language), ...(search.language === undefined ? [] : [search.language])]);
  const named = new Intl.DisplayNames(i18n.language, { type: "language", fallback: "code" });
  const narrow = (said: Record<string, string | null>) => void navigate({ to: "/data/gaps", search: gapsOf({ ...search, ...said }), replace: true });
  return (
    <Page title={t("title")} tell={t("tell")}>
      <Group gap="sm" align="flex-end" component="search">
        <Select label={t("days.label")} w={200} allowDeselect={false} value={search.days ?? "90"} onChange={(days) => narrow({ days })} data={SPANS.map((value) => ({ value, label: t(`days.${value}`) }))} />
        <Select label={t("language")} w={200} clearable placeholder={t("anyLanguage")} clearButtonProps={{ "aria-label": t("anyLanguage") }} value={search.language ?? null} onChange={(language) => narrow({ language })} data={[...known].sort().map((value) => ({ value, label: named.of(value) ?? value }))} />
      </Group>
      {search.gap === undefined ? null : (
        <Stack gap="xs" align="flex-start">
          <Group gap="xs">
            <Text fw={600}>{t("one")}</Text>
            <Button size="compact-sm" variant="subtle" leftSection={<IconFilterOff size={16} />} onClick={() => narrow({ gap: null })}>{t("all")}</Button>
          </Group>
          <Questions cluster={search.gap} search={{ days: "all" }} />
        </Stack>
      )}
      {found.error ? <Trouble error={found.error} again={() => void found.refetch()} /> : null}
      {found.isPending ? <Text role="status" size="sm" c="var(--soft)">{t("app:loading")}</Text> : null}
      {found.isSuccess && all.length === 0 ? <Blank icon={IconMoodCheck} title={t("none.title")} tell={Object.keys(search).length ? t("none.filtered") : t("none.tell")} /> : null}
      {all.length ? (
        <Stack component="ol" gap={0} m={0} p={0} className={css.list} aria-label={t("title")}>
          {all.filter(({ cluster }) => search.gap === undefined || cluster === search.gap).map((gap) => <GapLine key={gap.cluster} gap={gap} search={search} />)}
        </Stack>
      ) : null}
      {found.hasNextPage ? <Group><Button variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>{t("app:action.more")}</Button></Group> : null}
    </Page>
  );
}
