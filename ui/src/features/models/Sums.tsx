import { Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { counted } from "@/app/lasting";
import { Panel } from "@/primitives/Panel";
import css from "./models.module.css";
import { useNames } from "./names";
import { span, usd } from "./state";

interface SumsProps {
  costs: Schemas["Costs"];
  pace: Schemas["Days"]["pace"];
}

/** The same in numbers, for each model or domain. */
export function Sums({ costs, pace }: SumsProps) {
  const { t } = useTranslation("models");
  const names = useNames();
  const spent = new Map(costs.totals.map((one) => [one.name, one]));
  // Quoting costs nothing, and takes time all the same.
  const rows = [...spent.keys(), ...Object.keys(pace).filter((name) => !spent.has(name))];
  if (rows.length === 0) return null;
  const time = (ms: number | null | undefined) => (ms === null || ms === undefined ? "" : span(ms));
  return (
    <Panel title={t(`sums.${costs.by as "model"}`)}>
      <Table.ScrollContainer minWidth={680} type="native" tabIndex={0} aria-label={t(`sums.${costs.by as "model"}`)}>
        <Table verticalSpacing="xs">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("sums.name")}</Table.Th>
              {(["answers", "tokens", "cost", "useful", "p50", "p95"] as const).map((one) => <Table.Th key={one} ta="right">{t(`sums.${one}`)}</Table.Th>)}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((name) => {
              const one = spent.get(name);
              const took = pace[name];
              return (
                <Table.Tr key={name}>
                  <Table.Td className={css.cell}><bdi>{names(name)}</bdi></Table.Td>
                  <Table.Td ta="right" className={css.number}>{counted(Math.max(one?.answers ?? 0, took?.timed ?? 0))}</Table.Td>
                  <Table.Td ta="right" className={css.number}>{one ? counted(one.prompt_tokens + one.completion_tokens) : ""}</Table.Td>
                  <Table.Td ta="right" className={css.number}>{one ? (one.unpriced === one.answers && one.cost === 0 ? t("price.unknown") : usd(one.cost)) : t("price.free")}</Table.Td>
                  <Table.Td ta="right" className={css.number}>{one?.rated ? t("sums.rated", { useful: counted(one.useful), rated: counted(one.rated) }) : ""}</Table.Td>
                  <Table.Td ta="right" className={css.number}>{time(took?.ms_p50)}</Table.Td>
                  <Table.Td ta="right" className={css.number}>{time(took?.ms_p95)}</Table.Td>
                </Table.Tr>
              );
            })}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Text size="xs" c="var(--soft)">{t("sums.about")}</Text>
    </Panel>
  );
}
