import { Badge, Group, Stack, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { counted } from "@/app/lasting";
import { moment } from "@/app/when";
import { Bar } from "./Bar";
import css from "./candidates.module.css";
import type { Judgement } from "./queries";
import { farthest, isWhole, signed, STRATA, type Interval } from "./report";

const COLOUR = { passed: "green", refused: "red", insufficient: "gray" } as const;

/** What the gate said, with all that it went by: strata first, then every condition. */
export function Judged({ one, written }: { one: Judgement; written: boolean }) {
  const { t } = useTranslation("candidates");
  const gain = t(written ? "scoreGain" : "gain");
  const { report } = one;
  const overall = report.conditions[0]?.interval;
  const strata = STRATA.map((name) => [name, report.strata[name]] as const);
  const far = farthest([...(overall ? [overall] : []), ...strata.flatMap(([, found]) => (found ? [found] : []))]);
  return (
    <Stack gap="sm">
      <Group gap="xs">
        <Badge color={COLOUR[report.outcome]} variant={report.outcome === "insufficient" ? "light" : "filled"} tt="none">{t(`outcome.${report.outcome}`)}</Badge>
        <Text size="sm" c="var(--soft)">{t("judged", { at: moment(one.at), by: one.by, against: one.against, look: report.look })}</Text>
      </Group>
      <Text size="sm" className={css.anywhere}>{report.why}</Text>
      <div className={css.across} role="region" tabIndex={0} aria-label={gain}>
        <Table>
          <Table.Thead><Table.Tr><Table.Th>{t("questions")}</Table.Th><Table.Th ta="right">{t("count")}</Table.Th><Table.Th>{gain}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {overall ? <Line name={t("all")} found={overall} far={far} /> : null}
            {strata.map(([name, found]) => (found ? <Line key={name} name={t(`stratum.${name}`)} found={found} far={far} /> : null))}
          </Table.Tbody>
        </Table>
      </div>
      <Text size="xs" c="var(--soft)">{t("gainTell", { before: report.before.toFixed(3), after: report.after.toFixed(3) })}</Text>
      <Stack component="ul" gap={4} m={0} pl="md">
        {report.conditions.map((each) => (
          <Text component="li" size="sm" key={each.name}>
            <b>{isWhole(each.name) ? t(`condition.${each.name}`) : each.name}</b>: {t(each.holds === null ? "open" : each.holds ? "holds" : "fails")}
            {each.interval.questions ? ` (${signed(each.interval.mean)}, ${signed(each.interval.low)} … ${signed(each.interval.high)}; ${t("asks", { bound: signed(each.bound) })})` : ""}
            {each.needed ? `, ${t("needed", { count: each.needed })}` : ""}
          </Text>
        ))}
      </Stack>
    </Stack>
  );
}

function Line({ name, found, far }: { name: string; found: Interval; far: number }) {
  const { t } = useTranslation("candidates");
  const colour = found.low > 0 ? "green" : found.high < 0 ? "red" : "gray";
  return (
    <Table.Tr>
      <Table.Td>{name}</Table.Td>
      <Table.Td ta="right">{counted(found.questions)}</Table.Td>
      <Table.Td>
        {found.questions ? (
          <Group gap="sm" wrap="nowrap">
            <Bar found={found} far={far} colour={colour} />
            <Text size="sm" className={css.number}>{t("interval", { mean: signed(found.mean), low: signed(found.low), high: signed(found.high) })}</Text>
          </Group>
        ) : <Text size="sm" c="var(--soft)">{t("nobody")}</Text>}
      </Table.Td>
    </Table.Tr>
  );
}
