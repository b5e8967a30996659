import { Button, CloseButton, Skeleton, Stack, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconPlus, IconSearch } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Trouble } from "@/app/Trouble";
import { HistoryItem } from "./HistoryItem";
import { useTalks } from "./talks";

const DAY = 86_400_000;
const SPANS = [["today", 1], ["yesterday", 2], ["week", 8], ["older", Infinity]] as const;

/** How long ago by the calendar. */
function spanOf(at: string): (typeof SPANS)[number][0] {
  const midnight = new Date().setHours(24, 0, 0, 0);
  const days = (midnight - Date.parse(at)) / DAY;
  return SPANS.find(([, below]) => days < below)?.[0] ?? "older";
}

/** One's conversations, the latest first, and a search through their titles and questions. */
export function History({ open, chosen }: { open: string | undefined; chosen: () => void }) {
  const { t } = useTranslation("ask");
  const { t: common } = useTranslation();
  const [search, setSearch] = useState("");
  const [wanted] = useDebouncedValue(search.trim(), 250);
  const talks = useTalks(wanted);
  const all = (talks.data?.pages ?? []).flatMap((page) => page.conversations).filter((one) => one.turns > 0);
  return (
    <Stack gap="sm">
      <Button component={Link} to="/" variant="light" leftSection={<IconPlus size={18} />} justify="flex-start" onClick={chosen}>{t("history.new")}</Button>
      <TextInput
        size="sm"
        aria-label={t("history.search")}
        placeholder={t("history.search")}
        leftSection={<IconSearch size={16} />}
        value={search}
        maxLength={200}
        onChange={(event) => setSearch(event.currentTarget.value)}
        rightSection={search ? <CloseButton size="sm" aria-label={t("history.clear")} onClick={() => setSearch("")} /> : null}
      />
      {talks.error ? <Trouble error={talks.error} again={() => void talks.refetch()} /> : null}
      {talks.isPending ? <Stack gap={6}>{[70, 90, 55].map((width) => <Skeleton key={width} h={22} w={`${width}%`} />)}</Stack> : null}
      {talks.isSuccess && !all.length ? <Text size="sm" c="var(--soft)" px={6}>{wanted ? t("history.nothing") : t("history.none")}</Text> : null}
      <nav aria-label={t("history.title")}>
        {SPANS.map(([span]) => {
          const some = all.filter((one) => spanOf(one.updated_at) === span);
          return some.length ? (
            <div key={span}>
              <Text size="xs" fw={600} c="var(--soft)" px={8} pt={10} pb={2}>{t(`history.${span}`)}</Text>
              {some.map((one) => <HistoryItem key={one.id} talk={one} active={one.id === open} chosen={chosen} />)}
            </div>
          ) : null;
        })}
      </nav>
      {talks.hasNextPage ? <Button size="compact-sm" variant="subtle" loading={talks.isFetchingNextPage} onClick={() => void talks.fetchNextPage()}>{common("action.more")}</Button> : null}
    </Stack>
  );
}
