import { Alert, Badge, Group, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { counted } from "@/app/lasting";
import { moment } from "@/app/when";
import { Panel } from "@/primitives/Panel";
import { reach, verdictOf, type Figure, type Verdict } from "./compare";
import css from "./models.module.css";
import { useNames } from "./names";
import type { Comparison } from "./queries";
import { failure, percent, span, usd } from "./state";

const COLOUR: Record<Verdict, string> = { better: "green", worse: "red", differs: "slate", same: "gray", unclear: "gray" };

/** Both sides of the latest trial, measure by measure, and how sure each difference is. */
export function Compared({ found }: { found: Comparison }) {
  const { t } = useTranslation("models");
  const names = useNames();
  const { trial, champion, running, answers, missing, faults, figures } = found;
  const [ours = 0, theirs = 0] = answers;
  const enough = figures.some((one) => one.difference !== null);
  const failed = Object.entries(faults);
  return (
    <Panel title={running ? t("compared.title") : t("compared.past")} tell={t(`compared.${trial.how}`, { champion: names(champion), tried: names(trial.model), since: moment(found.since) })}>
      {enough ? null : <Alert color="gray" variant="light" title={t("compared.few")}><Text size="sm">{t("compared.fewTell", { ours: counted(ours), theirs: counted(theirs) })}</Text></Alert>}
      <div className={css.across} role="region" tabIndex={0} aria-label={t("compared.title")}>
        <Table verticalSpacing="xs" className={css.compared ?? ""}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("compared.measure")}</Table.Th>
              <Table.Th className={css.cell}><bdi>{names(champion)}</bdi></Table.Th>
              <Table.Th className={css.cell}><bdi>{names(trial.model)}</bdi></Table.Th>
              <Table.Th>{t("compared.difference")}</Table.Th>
              <Table.Th>{t("compared.says")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            <Table.Tr><Table.Td>{t("compared.answers")}</Table.Td><Table.Td className={css.number} data-name={names(champion)}>{counted(ours)}</Table.Td><Table.Td className={css.number} data-name={names(trial.model)}>{counted(theirs)}</Table.Td><Table.Td /><Table.Td /></Table.Tr>
            {figures.filter(told).map((one) => <Line key={one.measure} figure={one} sides={[names(champion), names(trial.model)]} />)}
          </Table.Tbody>
        </Table>
      </div>
      {failed.length ? <Text size="sm">{t("compared.faults", { why: failed.map(([code, many]) => `${t(`failed.${failure(code)}.title`)} (${counted(many)})`).join("; ") })}</Text> : null}
      {missing > 0 ? <Text size="sm" c="var(--soft)">{t("compared.missing", { count: missing })}</Text> : null}
      <Text size="xs" c="var(--soft)">{t("compared.about")}</Text>
    </Panel>
  );
}

/** Nobody chooses or rates in the shadow: what was never measured there is no line. */
function told({ measure, answers: [ours = 0, theirs = 0] }: Figure): boolean {
  return ours + theirs > 0 || !["preferred", "useful", "cost_per_useful"].includes(measure);
}

function said(measure: Figure["measure"], value: number): string {
  if (measure === "ms_p50" || measure === "ms_p95") return span(value);
  if (measure === "cost" || measure === "cost_per_useful") return usd(value);
  return measure === "tokens" ? counted(value) : percent(value, 1);
}

function signed(measure: Figure["measure"], value: number): string {
  return `${value > 0 ? "+" : value < 0 ? "\u2212" : ""}${said(measure, Math.abs(value))}`;
}

function Line({ figure, sides: [old, tried] }: { figure: Figure; sides: [string, string] }) {
  const { t } = useTranslation("models");
  const { measure, champion, challenger, answers, difference, low, high } = figure;
  const verdict = verdictOf(figure);
  const [ours = 0, theirs = 0] = answers;
  const value = (one: number | null) => (one === null ? t("compared.nothing") : said(measure, one));
  return (
    <Table.Tr>
      <Table.Td><Text size="sm" fw={550}>{t(`measure.${measure}`)}</Text><Text size="xs" c="var(--soft)">{t("compared.on", { ours: counted(ours), theirs: counted(theirs) })}</Text></Table.Td>
      <Table.Td className={css.number} data-name={old}>{value(champion)}</Table.Td>
      <Table.Td className={css.number} data-name={tried}>{value(challenger)}</Table.Td>
      <Table.Td>
        {difference === null || low === null || high === null ? null : (
          <>
            <Group gap="xs" wrap="nowrap"><Text size="sm" className={css.number}>{signed(measure, difference)}</Text><Interval figure={figure} verdict={verdict} /></Group>
            <Text size="xs" c="var(--soft)" className={css.number}>{t("compared.interval", { low: signed(measure, low), high: signed(measure, high) })}</Text>
          </>
        )}
      </Table.Td>
      <Table.Td><Badge variant="light" color={COLOUR[verdict]} tt="none">{t(`verdict.${verdict}`)}</Badge></Table.Td>
    </Table.Tr>
  );
}

/** Where the difference lies around none at all; its numbers stand beside it. */
function Interval({ figure, verdict }: { figure: Figure; verdict: Verdict }) {
  const found = reach(figure);
  if (!found || found.from === found.to) return null;
  const x = (place: number) => 100 * place;
  const colour = `var(--mantine-color-${COLOUR[verdict]}-filled)`;
  return (
    <svg className={css.interval} viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden>
      <line x1={x(found.zero)} x2={x(found.zero)} y1={0} y2={14} stroke="var(--soft)" strokeWidth={1} vectorEffect="non-scaling-stroke" strokeDasharray="2 2" />
      <line x1={x(found.from)} x2={x(found.to)} y1={7} y2={7} stroke={colour} strokeWidth={3} vectorEffect="non-scaling-stroke" strokeLinecap="round" />
      <line x1={x(found.at)} x2={x(found.at)} y1={2} y2={12} stroke={colour} strokeWidth={3} vectorEffect="non-scaling-stroke" />
    </svg>
  );
}
