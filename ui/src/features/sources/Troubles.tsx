import { Badge, Button, Group, Stack, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { useDomain } from "@/app/me";
import { Trouble } from "@/app/Trouble";
import { ago } from "@/app/when";
import { Panel } from "@/primitives/Panel";
import { useAct, type Source } from "./queries";
import css from "./sources.module.css";

/** What could not be read, why, and another try. */
export function Troubles({ source }: { source: Source }) {
  const { t } = useTranslation(["sources", "app"]);
  const domain = useDomain();
  const documents = useInfiniteQuery({
    queryKey: ["documents", domain, "failed", source.id],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam: cursor }) => got(api.GET("/api/v1/documents", { params: { query: { failed: true, source: source.id, limit: 20, ...(cursor === undefined ? {} : { cursor }) } } })),
    getNextPageParam: (page) => page.next ?? undefined,
  });
  const retry = useAct((document_id: string | null) => got(api.POST("/api/v1/sources/{source}/retry", { params: { path: { source: source.id } }, body: { document_id } })));
  const all = documents.data?.pages.flatMap((page) => page.documents) ?? [];
  return (
    <Panel title={t("troubles.title")} tell={t("troubles.tell")} acts={<Button size="xs" variant="default" loading={retry.isPending && retry.variables === null} onClick={() => retry.mutate(null)}>{t("troubles.retryAll")}</Button>}>
      {documents.error ?? retry.error ? <Trouble error={documents.error ?? retry.error} /> : null}
      {retry.isSuccess ? <Text size="sm" role="status">{t("troubles.retried", { count: retry.data.documents })}</Text> : null}
      <Stack component="ul" gap="sm" m={0} p={0} className={css.list}>
        {all.map((one) => (
          <Group key={one.id} component="li" justify="space-between" align="flex-start" wrap="nowrap" gap="md">
            <div style={{ minWidth: 0 }}>
              <Group gap="xs" wrap="nowrap"><Text size="sm" fw={600} truncate title={one.title}><bdi>{one.title || one.uri}</bdi></Text>{one.reason ? <Badge size="sm" variant="light" color="red" tt="none" style={{ flex: "none" }}>{one.reason}</Badge> : null}</Group>
              <Text size="sm" className={css.told} lineClamp={4}>{one.message}</Text>
              <Text size="xs" c="var(--soft)">{ago(one.updated_at)}{one.next_attempt ? `, ${t("troubles.next", { when: new Date(one.next_attempt).toLocaleTimeString() })}` : ""}</Text>
            </div>
            <Button size="compact-xs" variant="default" style={{ flex: "none" }} loading={retry.isPending && retry.variables === one.id} onClick={() => retry.mutate(one.id)}>{t("troubles.retry")}</Button>
          </Group>
        ))}
      </Stack>
      {documents.hasNextPage ? <Group><Button size="xs" variant="subtle" loading={documents.isFetchingNextPage} onClick={() => void documents.fetchNextPage()}>{t("app:action.more")}</Button></Group> : null}
    </Panel>
  );
}
