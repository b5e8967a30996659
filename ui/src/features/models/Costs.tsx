import { Alert, Group, SegmentedControl, Skeleton, Stack, Switch, Text } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { counted } from "@/app/lasting";
import { Loaded } from "@/app/Loaded";
import { useDomain, useDomains } from "@/app/me";
import { Facts } from "@/primitives/Facts";
import { Panel } from "@/primitives/Panel";
import { Budgets } from "./Budgets";
import css from "./models.module.css";
import { useNames } from "./names";
import { useCosts, useDays, useKeeper } from "./queries";
import { MEASURES, SPANS, SPLITS, type Charted, type ModelsSearch } from "./search";
import { OTHERS, seriesOf } from "./series";
import { span, usd } from "./state";
import { Sums } from "./Sums";

const Chart = lazy(() => import("./Chart"));

/** What was spent, and how long answers took: day by day, altogether, and against the budgets. */
export default function Costs() {
  const { t } = useTranslation("models");
  const navigate = useNavigate();
  const search: ModelsSearch = useSearch({ strict: false });
  const { days = 30, by = "model", here = false } = search;
  const domains = useDomains().data?.domains ?? [];
  const domain = useDomain() ?? domains[0];
  const keeper = useKeeper();
  const all = keeper && !here;
  const split = all ? by : "model";
  const costs = useCosts(split, days, domain, all);
  const daily = useDays(split, days, domain, all);
  const set = (some: ModelsSearch) => void navigate({ to: "/admin/models", search: ((before: ModelsSearch) => ({ ...before, ...some })) as never, replace: true });
  return (
    <Stack gap="lg">
      <Group gap="md">
        <SegmentedControl aria-label={t("costs.span")} size="xs" value={String(days)} data={SPANS.map((one) => ({ value: String(one), label: t("costs.days", { count: one }) }))} onChange={(chosen) => set({ days: Number(chosen) as NonNullable<ModelsSearch["days"]> })} />
        {all && domains.length > 1 ? <SegmentedControl aria-label={t("costs.by")} size="xs" value={by} data={SPLITS.map((one) => ({ value: one, label: t(`costs.${one}`) }))} onChange={(chosen) => set({ by: chosen })} /> : null}
        {keeper && domains.length > 1 ? <Switch size="sm" label={t("costs.here", { domain: domain ?? "" })} checked={here} onChange={(event) => set({ here: event.currentTarget.checked || undefined } as ModelsSearch)} /> : null}
      </Group>
      <Loaded query={costs} height={96}>{(found) => <Summary costs={found} days={daily.data} />}</Loaded>
      <Loaded query={daily} height={340}>{(found) => <Daily found={found} wanted={search.measure} onMeasure={(measure) => set({ measure })} />}</Loaded>
      <Loaded query={costs}>{(found) => <Sums costs={found} pace={daily.data?.pace ?? {}} />}</Loaded>
      <Loaded query={costs}>{(found) => <Budgets budgets={found.budgets} all={all} />}</Loaded>
    </Stack>
  );
}

function Summary({ costs, days }: { costs: Schemas["Costs"]; days: Schemas["Days"] | undefined }) {
  const { t } = useTranslation("models");
  const sum = (of: (one: Schemas["Spent"]) => number) => costs.totals.reduce((before, one) => before + of(one), 0);
  const paces = Object.values(days?.pace ?? {});
  const timed = paces.reduce((before, one) => before + one.timed, 0);
  const useful = sum((one) => one.useful);
  const paid = costs.totals.reduce((before, one) => before + (one.cost_per_useful ?? 0) * one.useful, 0);
  return (
    <Panel title={t("costs.together")}>
      <Facts
        facts={[
          [t("costs.spent"), usd(sum((one) => one.cost))],
          [t("costs.written"), counted(sum((one) => one.answers))],
          [t("costs.timed"), counted(timed)],
          [t("costs.perUseful"), useful ? usd(paid / useful) : t("costs.unrated")],
        ]}
      />
      {sum((one) => one.unpriced) > 0 ? <Alert color="gray" variant="light"><Text size="sm">{t("costs.unpriced", { count: sum((one) => one.unpriced) })}</Text></Alert> : null}
    </Panel>
  );
}

function Daily({ found, wanted, onMeasure }: { found: Schemas["Days"]; wanted: Charted | undefined; onMeasure: (measure: Charted) => void }) {
  const { t } = useTranslation("models");
  const names = useNames();
  // What costs nothing is looked at by its answers.
  const measure = wanted ?? (found.days.some((one) => one.cost > 0) ? "cost" : "answers");
  const series = seriesOf(found, measure);
  const told = { cost: usd, answers: counted, tokens: counted, ms: span }[measure];
  const call = (name: string) => (name === OTHERS ? t("costs.others") : names(name));
  const pick = <SegmentedControl aria-label={t("costs.what")} size="xs" value={measure} data={MEASURES.map((one) => ({ value: one, label: t(`charted.${one}`) }))} onChange={(chosen) => onMeasure(chosen)} />;
  return (
    <Panel title={t("costs.daily")} tell={t(`costs.${measure}Tell`)} acts={pick}>
      {series.any ? (
        <figure className={css.figure}>
          <Suspense fallback={<Skeleton h={280} />}><Chart label={t("costs.chart", { what: t(`charted.${measure}`) })} series={series} lines={measure === "ms"} told={(value) => told(value)} call={call} /></Suspense>
          <figcaption>
            <ul className={css.legend}>{series.names.map((name, at) => <li key={name}><span className={css.swatch} data-colour={at + 1} aria-hidden /><bdi>{call(name)}</bdi></li>)}</ul>
          </figcaption>
        </figure>
      ) : <Text size="sm" c="var(--soft)" py="xl" ta="center">{found.days.length ? t("costs.noneOf") : t("costs.none")}</Text>}
    </Panel>
  );
}
