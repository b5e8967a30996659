import { Badge, Code, Group, Progress, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { day } from "@/app/when";
import { Panel } from "@/primitives/Panel";
import { stageOf } from "./budget";
import css from "./models.module.css";
import { useNames } from "./names";
import { usd } from "./state";

type Budget = Schemas["BudgetState"];
/** Of whom most was spent; the others are far from it. */
const SHOWN = 5;
/** Whose spending is nobody's any more, or never was anybody's. */
const SAID: Record<string, "budgets.shadow" | "budgets.erased"> = { "shadow/answers": "budgets.shadow", erased: "budgets.erased" };

/** What may be spent, how much of it is, and what happens then. The configuration says it. */
export function Budgets({ budgets, all }: { budgets: readonly Budget[]; all: boolean }) {
  const { t } = useTranslation("models");
  return (
    <Panel title={t("budgets.title")} tell={all ? t("budgets.tell") : t("budgets.ofDomain")}>
      {budgets.length === 0 ? (
        <>
          <Text size="sm">{t("budgets.none")}</Text>
          {all ? <Code block>{t("budgets.example")}</Code> : null}
        </>
      ) : (
        <Stack component="ul" gap="lg" m={0} p={0} className={css.list}>{budgets.map((one) => <One key={one.name} budget={one} />)}</Stack>
      )}
    </Panel>
  );
}

function One({ budget }: { budget: Budget }) {
  const { t } = useTranslation("models");
  const { name, per, period, since, soft, hard, where } = budget;
  const spent = Object.entries(budget.spent).sort((a, b) => b[1] - a[1]);
  const shown = spent.length ? spent.slice(0, SHOWN) : [["", 0] as [string, number]];
  return (
    <li>
      <Stack gap="xs">
        <Text fw={600} className={css.told}><bdi>{name}</bdi></Text>
        <Text size="sm" c="var(--soft)">{t(`budgets.per.${per as "all"}`)}, {t(`budgets.period.${period as "day"}`, { since: day(since) })}</Text>
        {shown.map(([whose, used]) => <Used key={whose} whose={whose} used={used} budget={budget} />)}
        {spent.length > SHOWN ? <Text size="xs" c="var(--soft)">{t("budgets.more", { count: spent.length - SHOWN })}</Text> : null}
        {soft !== null ? <Text size="sm">{t("budgets.soft", { soft: usd(soft) })}</Text> : null}
        {hard !== null ? <Text size="sm">{t("budgets.hard", { hard: usd(hard) })}</Text> : null}
        <Text size="xs" c="var(--soft)" className={css.told}>{t("budgets.where", { name, where: where || t("settings.file") })}</Text>
      </Stack>
    </li>
  );
}

function Used({ whose, used, budget: { soft, hard, per } }: { whose: string; used: number; budget: Budget }) {
  const { t } = useTranslation("models");
  const names = useNames();
  const most = hard ?? soft ?? 0;
  const stage = stageOf(used, soft, hard);
  const who = whose === "" ? t("budgets.everybody") : per === "person" ? (SAID[whose] ? t(SAID[whose]) : whose) : names(whose);
  return (
    <div>
      <Group justify="space-between" gap="xs" wrap="nowrap">
        <Text size="sm" truncate title={who}><bdi>{who}</bdi></Text>
        <Group gap="xs" wrap="nowrap">
          {stage === "free" ? null : <Badge size="sm" variant="light" tt="none" color={stage === "spent" ? "red" : "orange"}>{t(`budgets.stage.${stage}`)}</Badge>}
          <Text size="sm" className={css.number}>{t("budgets.of", { used: usd(used), most: usd(most) })}</Text>
        </Group>
      </Group>
      <Progress value={most > 0 ? Math.min(100, (100 * used) / most) : 100} color={stage === "spent" ? "red" : stage === "warned" ? "orange" : "slate"} aria-label={t("budgets.used", { who })} />
    </div>
  );
}
