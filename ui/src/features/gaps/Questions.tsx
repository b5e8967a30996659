import { Badge, Button, Group, Stack, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, got, type Schemas } from "@/api/client";
import { useDomain } from "@/app/me";
import { Trouble } from "@/app/Trouble";
import { ago, moment } from "@/app/when";
import css from "./gaps.module.css";
import { queryOf, type GapsSearch } from "./search";

/** Every question of a gap, the newest first: the last one tells whether it is answered now. */
export function Questions({ cluster, search }: { cluster: string; search: GapsSearch }) {
  const { t } = useTranslation(["gaps", "app"]);
  const domain = useDomain();
  const found = useInfiniteQuery({
    queryKey: ["gaps", domain, search, cluster],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam: cursor }) => got(api.GET("/api/v1/gaps/{cluster}/questions", { params: { path: { cluster }, query: { limit: 20, ...(domain === undefined ? {} : { domain }), ...queryOf(search), ...(cursor === undefined ? {} : { cursor }) } } })),
    getNextPageParam: (page) => page.next ?? undefined,
  });
  if (found.error) return <Trouble error={found.error} again={() => void found.refetch()} />;
  if (found.isPending) return <Text role="status" size="sm" c="var(--soft)">{t("app:loading")}</Text>;
  return (
    <>
      <Stack component="ol" gap={0} m={0} p={0} w="100%" className={css.questions} aria-label={t("questions")}>
        {found.data.pages.flatMap((page) => page.questions).map((one) => <Line key={one.n} one={one} />)}
      </Stack>
      {found.hasNextPage ? <Button size="compact-xs" variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>{t("app:action.more")}</Button> : null}
    </>
  );
}

function Line({ one }: { one: Schemas["ToldQuestion"] }) {
  const { t } = useTranslation("gaps");
  const state = one.answered ? "answered" : one.missed ? "missed" : "abstained";
  return (
    <li className={css.question}>
      <Group gap="xs">
        <Badge variant="light" tt="none" color={one.answered ? "blue" : "gray"}>{t(`state.${state}`)}</Badge>
        <Text size="xs" c="var(--soft)" title={moment(one.at)}>{t("by")} <bdi>{one.by}</bdi>, {ago(one.at)}</Text>
      </Group>
      <Text size="sm" fw={600} className={css.text}>{one.question}</Text>
      {one.answer ? <Text size="sm" className={css.text} lineClamp={3}>{one.answer}</Text> : null}
      {one.said.map((each) => (
        <Text key={each.id} size="sm" className={css.text}>
          <bdi>{each.by}</bdi> {[each.missed ? t("misses", { name: each.missed }) : "", each.comment ? `${t("says")}: ${each.comment}` : ""].filter(Boolean).join("; ") || t("state.missed")}
        </Text>
      ))}
    </li>
  );
}
