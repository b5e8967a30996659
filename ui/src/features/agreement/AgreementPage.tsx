import { Group, Select, Table, Text } from "@mantine/core";
import { IconScale } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { Loaded } from "@/app/Loaded";
import { useDomain } from "@/app/me";
import { SPANS, sinceOf, spanOf } from "@/app/spans";
import { Blank } from "@/primitives/Blank";
import { Facts } from "@/primitives/Facts";
import { Page } from "@/primitives/Page";
import { Panel } from "@/primitives/Panel";
import { Disputes } from "./Disputes";
import { Raters } from "./Raters";

export function AgreementPage() {
  const { t, i18n } = useTranslation("agreement");
  const domain = useDomain();
  const search = spanOf(useSearch({ strict: false }));
  const navigate = useNavigate();
  const of = { ...(domain === undefined ? {} : { domain }), ...sinceOf(search) };
  const found = useQuery({ queryKey: ["agreement", of], queryFn: () => got(api.GET("/api/v1/agreement", { params: { query: of } })) });
  const alpha = (said: number | null) => (said === null ? t("unknown") : said.toFixed(2));
  const month = (said: string) => new Intl.DateTimeFormat(i18n.language, { month: "long", year: "numeric", timeZone: "UTC" }).format(new Date(`${said}-01T00:00:00Z`));
  return (
    <Page title={t("title")} tell={t("tell")}>
      <Group component="search">
        <Select label={t("days.label")} w={230} allowDeselect={false} value={search.days ?? "90"} onChange={(days) => void navigate({ to: "/data/agreement", search: spanOf({ days }), replace: true })} data={SPANS.map((value) => ({ value, label: t(`days.${value}`) }))} />
      </Group>
      <Loaded query={found}>
        {(one) => one.opinions === 0 ? <Blank icon={IconScale} title={t("none.title")} tell={t("none.tell")} /> : (
          <>
            <Panel title={t("whole")} tell={t("alphaTell")}>
              <Facts facts={[[t("alpha"), alpha(one.alpha)], [t("opinions"), one.opinions], [t("people"), one.people], [t("units"), one.units]]} />
              {one.cut ? <Text size="sm">{t("cut")}</Text> : null}
            </Panel>
            <Panel title={t("months")}>
              <Table horizontalSpacing="xs">
                <Table.Thead><Table.Tr><Table.Th>{t("month")}</Table.Th><Table.Th ta="right">{t("alpha")}</Table.Th><Table.Th ta="right">{t("opinions")}</Table.Th><Table.Th ta="right" visibleFrom="sm">{t("units")}</Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>{one.periods.map((each) => <Table.Tr key={each.month}><Table.Td>{month(each.month)}</Table.Td><Table.Td ta="right">{each.alpha === null ? "–" : alpha(each.alpha)}</Table.Td><Table.Td ta="right">{each.opinions}</Table.Td><Table.Td ta="right" visibleFrom="sm">{each.units}</Table.Td></Table.Tr>)}</Table.Tbody>
              </Table>
            </Panel>
            <Disputes of={of} />
            <Raters of={of} />
          </>
        )}
      </Loaded>
    </Page>
  );
}
