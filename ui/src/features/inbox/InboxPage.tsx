import { Button, Checkbox, Group, Select, Stack, Switch, Text } from "@mantine/core";
import { IconFilterOff, IconInbox } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { useAct } from "@/app/act";
import { useDomain } from "@/app/me";
import { Trouble } from "@/app/Trouble";
import { Blank } from "@/primitives/Blank";
import { Page } from "@/primitives/Page";
import { Assign, useReviewers } from "./Assign";
import css from "./inbox.module.css";
import { doneBy } from "./keys";
import { FLAGS, inboxOf, KINDS, queryOf, STATES, type InboxSearch, type State } from "./search";
import { Verdict } from "./Verdict";

export function InboxPage() {
  const { t } = useTranslation(["inbox", "app"]);
  const domain = useDomain();
  const search = inboxOf(useSearch({ strict: false }));
  const navigate = useNavigate();
  const [chosen, choose] = useState<ReadonlySet<string>>(new Set());
  const [done, tell] = useState("");
  const found = useInfiniteQuery({
    queryKey: ["inbox", domain, search],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam: cursor }) => got(api.GET("/api/v1/feedback/reviews", { params: { query: { limit: 50, ...(domain === undefined ? {} : { domain }), ...queryOf(search), ...(cursor === undefined ? {} : { cursor }) } } })),
    getNextPageParam: (page) => page.next ?? undefined,
  });
  const all = found.data?.pages.flatMap((page) => page.verdicts) ?? [];
  const shown = all.filter((one) => chosen.has(one.feedback.id));
  const review = useAct(
    ["inbox"],
    ({ ids, state }: { ids: string[]; state: State }) => got(api.PUT("/api/v1/feedback/reviews", { body: { feedback_ids: ids, state, note: "", domain: domain ?? null } })),
    ({ changed }) => {
      choose(new Set());
      tell(t("done", { count: changed }));
    },
  );
  const { me } = useReviewers();
  const assign = useAct(
    ["inbox"],
    async ({ traces, reviewer }: { traces: string[]; reviewer: string }) => {
      await got(api.PUT("/api/v1/feedback/assignments", { body: { trace_ids: traces, reviewer, domain: domain ?? null } }));
      return reviewer;
    },
    (reviewer) => {
      choose(new Set());
      tell(reviewer === "" ? t("assign.doneNobody") : t("assign.done", { who: reviewer }));
    },
  );
  const give = (some: typeof all, reviewer: string) => {
    tell("");
    assign.mutate({ traces: [...new Set(some.map(({ feedback }) => feedback.trace_id))], reviewer });
  };
  const pressed = (event: KeyboardEvent) => {
    const row = event.target instanceof HTMLElement && event.target.matches("[data-verdict]") ? event.target : null;
    const does = doneBy(event);
    const one = all.find(({ feedback }) => feedback.id === row?.dataset["verdict"]);
    if (!row || !one || does === undefined) return;
    event.preventDefault();
    const busy = review.isPending || assign.isPending;
    const { id } = one.feedback;
    if (does === "choose") choose(new Set(chosen.has(id) ? [...chosen].filter((each) => each !== id) : [...chosen, id]));
    else if (does === "mine") { if (me !== undefined && !busy) give([one], me); }
    else if ("put" in does) { if (!busy) put([id], does.put); }
    else {
      const next = does.go === 1 ? row.nextElementSibling : row.previousElementSibling;
      if (next instanceof HTMLElement) next.focus();
    }
  };
  const narrow = (said: Partial<Record<keyof InboxSearch, string | null>>) => {
    choose(new Set());
    void navigate({ to: "/data/feedback", search: inboxOf({ ...search, ...said }), replace: true });
  };
  const put = (ids: string[], state: State) => {
    tell("");
    review.mutate({ ids, state });
  };
  const state = search.state ?? "raw";
  return (
    <Page title={t("title")} tell={t("tell")}>
      <Group gap="sm" align="flex-end" component="search">
        <Select label={t("state.label")} w={180} allowDeselect={false} value={state} onChange={(said) => narrow({ state: said })} data={[...STATES, "any" as const].map((value) => ({ value, label: t(`state.${value}`) }))} />
        <Select label={t("kind.label")} w={220} clearable placeholder={t("kind.any")} clearButtonProps={{ "aria-label": t("kind.any") }} value={search.only ?? null} onChange={(said) => narrow({ only: said })} data={KINDS.map((value) => ({ value, label: t(`kind.${value}`) }))} />
        <Select label={t("flag.label")} w={270} clearable placeholder={t("flag.any")} clearButtonProps={{ "aria-label": t("flag.any") }} value={search.flag ?? null} onChange={(said) => narrow({ flag: said })} data={FLAGS.map((value) => ({ value, label: t(`flag.${value}`) }))} />
        <Switch label={t("assign.mine")} mb={8} checked={search.mine !== undefined} onChange={(event) => narrow({ mine: event.currentTarget.checked ? "1" : null })} />
        {search.ids === undefined ? null : <Button variant="subtle" leftSection={<IconFilterOff size={16} />} onClick={() => narrow({ ids: null })}>{t("theseOnly")}</Button>}
        {search.unit === undefined && search.trace === undefined ? null : <Button variant="subtle" leftSection={<IconFilterOff size={16} />} onClick={() => narrow({ unit: null, trace: null })}>{t("oneOnly")}</Button>}
        {search.gap === undefined ? null : <Button variant="subtle" leftSection={<IconFilterOff size={16} />} onClick={() => narrow({ gap: null })}>{t("gapOnly")}</Button>}
      </Group>
      {found.error ? <Trouble error={found.error} again={() => void found.refetch()} /> : null}
      {assign.error ? <Trouble error={assign.error} /> : null}
      {review.error ? <Trouble error={review.error} /> : null}
      <Text role="status" size="sm" c="var(--soft)" mih={20}>{found.isPending ? t("app:loading") : done}</Text>
      {found.isSuccess && all.length === 0 ? <Blank icon={IconInbox} title={t("none.title")} tell={state === "raw" && search.only === undefined && search.flag === undefined && search.unit === undefined && search.trace === undefined && search.gap === undefined && search.ids === undefined && search.mine === undefined ? t("none.tell") : t("none.filtered")} /> : null}
      {all.length ? (
        <Stack gap="xs">
          <Group gap="sm" className={css.bar}>
            <Checkbox
              label={shown.length ? t("chosen", { count: shown.length }) : t("chooseAll")}
              checked={shown.length === all.length}
              indeterminate={shown.length > 0 && shown.length < all.length}
              onChange={(event) => choose(new Set(event.currentTarget.checked ? all.map((one) => one.feedback.id) : []))}
            />
            {shown.length ? STATES.filter((one) => one !== state).map((one) => (
              <Button key={one} size="xs" variant={one === "accepted" ? "filled" : "default"} loading={review.isPending} onClick={() => put(shown.map(({ feedback }) => feedback.id), one)}>{t(`act.${one}`)}</Button>
            )) : null}
            {shown.length ? <Assign busy={assign.isPending} give={(reviewer) => give(shown, reviewer)} /> : null}
          </Group>
          <Text size="xs" c="var(--soft)" visibleFrom="sm">{t("keys")}</Text>
          <Stack component="ol" gap={0} m={0} p={0} className={css.list} aria-label={t("title")} onKeyDown={pressed}>
            {all.map((one, n) => (
              <Verdict
                key={one.feedback.id}
                one={one}
                first={n === 0}
                chosen={chosen.has(one.feedback.id)}
                choose={(yes) => choose(new Set(yes ? [...chosen, one.feedback.id] : [...chosen].filter((id) => id !== one.feedback.id)))}
                put={(to) => put([one.feedback.id], to)}
                busy={review.isPending}
              />
            ))}
          </Stack>
        </Stack>
      ) : null}
      {found.hasNextPage ? <Group><Button variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>{t("app:action.more")}</Button></Group> : null}
    </Page>
  );
}
