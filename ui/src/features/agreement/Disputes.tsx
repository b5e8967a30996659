import { Button, Group, Stack, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { Trouble } from "@/app/Trouble";
import { Panel } from "@/primitives/Panel";
import css from "./agreement.module.css";

/** What people are divided on, with the way to what each of them said. */
export function Disputes({ of }: { of: { domain?: string; since?: string } }) {
  const { t } = useTranslation(["agreement", "app"]);
  const found = useInfiniteQuery({
    queryKey: ["agreement", of, "disputed"],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam: cursor }) => got(api.GET("/api/v1/agreement/disputed", { params: { query: { limit: 20, ...of, ...(cursor === undefined ? {} : { cursor }) } } })),
    getNextPageParam: (page) => page.next ?? undefined,
  });
  const all = found.data?.pages.flatMap((page) => page.disputed) ?? [];
  return (
    <Panel title={t("disputed")} tell={t("disputedTell")}>
      {found.error ? <Trouble error={found.error} again={() => void found.refetch()} /> : null}
      {found.isSuccess && all.length === 0 ? <Text size="sm">{t("noDispute")}</Text> : null}
      <Stack component="ol" gap={0} m={0} p={0} className={css.list} aria-label={t("disputed")}>
        {all.map((one) => (
          <li key={one.place} className={css.dispute}>
            <Text size="sm" fw={600} className={css.text}>{one.question}</Text>
            <Text size="sm" className={css.text} lineClamp={3}>{one.answer}</Text>
            <Group gap="sm">
              <Text size="sm" c="var(--soft)">{t("sides", { up: one.up, down: one.down })}</Text>
              <Link to="/data/feedback" search={{ state: "any", unit: one.unit }} className={css.link}>{t("inbox")}</Link>
            </Group>
          </li>
        ))}
      </Stack>
      {found.hasNextPage ? <Group><Button variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>{t("app:action.more")}</Button></Group> : null}
    </Panel>
  );
}
