import { Badge, Button, Group, Paper, Stack, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { addressed, api, got } from "@/api/client";
import { useDomain } from "@/app/me";
import { Trouble } from "@/app/Trouble";

/** The pieces that are found of a version, as they were cut, and the whole to take along. */
export function Chunks({ document, version }: { document: string; version: number }) {
  const { t } = useTranslation(["documents", "app"]);
  const domain = useDomain();
  const path = { document_id: document, version };
  const found = useInfiniteQuery({
    queryKey: ["chunks", domain, document, version],
    initialPageParam: 0,
    queryFn: ({ pageParam: after }) => got(api.GET("/api/v1/documents/{document_id}/versions/{version}/chunks", { params: { path, query: { after, limit: 50 } } })),
    getNextPageParam: (page) => page.next ?? undefined,
  });
  const whole = `/api/v1/documents/${encodeURIComponent(document)}/versions/${version}`;
  const all = found.data?.pages.flatMap((page) => page.chunks) ?? [];
  return (
    <Stack gap="md">
      <Group gap="xs">
        <Button component="a" href={addressed(`${whole}/original`)} download size="xs" variant="default" leftSection={<IconDownload size={14} />}>{t("original")}</Button>
        <Button component="a" href={addressed(`${whole}/text`)} download size="xs" variant="default" leftSection={<IconDownload size={14} />}>{t("text")}</Button>
      </Group>
      {found.error ? <Trouble error={found.error} again={() => void found.refetch()} /> : null}
      {found.isPending ? <Text role="status">{t("app:loading")}</Text> : null}
      {found.isSuccess && all.length === 0 ? <Text size="sm">{t("answersNothing")}</Text> : null}
      {all.map((one) => (
        <Paper key={one.chunk_id} withBorder p="sm" bg="var(--raised)">
          <Group justify="space-between" gap="xs" mb={4} wrap="nowrap"><Text size="xs" c="var(--soft)" truncate><bdi>{one.header}</bdi></Text><Badge size="sm" variant="default" tt="none" style={{ flex: "none" }}>{one.page ? t("page", { page: one.page }) : one.ordinal + 1}</Badge></Group>
          <Text size="sm" style={{ overflowWrap: "anywhere", whiteSpace: "pre-wrap" }}>{one.text}</Text>
        </Paper>
      ))}
      {found.hasNextPage ? <Group><Button size="xs" variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>{t("app:action.more")}</Button></Group> : null}
    </Stack>
  );
}
