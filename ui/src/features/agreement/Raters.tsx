import { Badge, Button, Group, Table } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { Trouble } from "@/app/Trouble";
import { Panel } from "@/primitives/Panel";

/** Opinions of one person that count in a dataset, where it says nothing else. */
const CAP = 500;

/** Who judges, with how they stand to the others. */
export function Raters({ of }: { of: { domain?: string; since?: string } }) {
  const { t } = useTranslation(["agreement", "app"]);
  const found = useInfiniteQuery({
    queryKey: ["agreement", of, "raters"],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam: cursor }) => got(api.GET("/api/v1/agreement/raters", { params: { query: { limit: 50, ...of, ...(cursor === undefined ? {} : { cursor }) } } })),
    getNextPageParam: (page) => page.next ?? undefined,
  });
  return (
    <Panel title={t("raters")} tell={t("ratersTell", { cap: CAP })}>
      {found.error ? <Trouble error={found.error} again={() => void found.refetch()} /> : null}
      <Table horizontalSpacing="xs">
        <Table.Thead><Table.Tr><Table.Th>{t("by")}</Table.Th><Table.Th ta="right">{t("opinions")}</Table.Th><Table.Th ta="right">{t("agreed")}</Table.Th><Table.Th ta="right">{t("weight")}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {found.data?.pages.flatMap((page) => page.raters).map((one) => (
            <Table.Tr key={one.place} data-rater={one.by}>
              <Table.Td><Group gap={6}><bdi>{one.by}</bdi>{one.expert ? <Badge variant="light" color="gray" tt="none">{t("expert")}</Badge> : null}</Group></Table.Td>
              <Table.Td ta="right">{one.opinions}{one.opinions > CAP ? ` (${t("capped", { cap: CAP })})` : ""}</Table.Td>
              <Table.Td ta="right">{one.compared ? t("agreedOf", { agreed: one.agreed, compared: one.compared }) : "–"}</Table.Td>
              <Table.Td ta="right">{one.weight.toFixed(2)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {found.hasNextPage ? <Group><Button variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>{t("app:action.more")}</Button></Group> : null}
    </Panel>
  );
}
