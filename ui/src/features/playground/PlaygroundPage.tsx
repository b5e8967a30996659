import { Button, Group, Text, Textarea } from "@mantine/core";
import { IconFlask, IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { useDomain } from "@/app/me";
import { SourceBeside } from "@/features/source";
import { Blank } from "@/primitives/Blank";
import { Page } from "@/primitives/Page";
import { Panel } from "@/primitives/Panel";
import css from "./playground.module.css";
import { playgroundOf, requestOf, said, setupOf, type PlaygroundSearch, type Setup } from "./setup";
import { SetupForm } from "./SetupForm";
import { Stages } from "./Stages";

const SIDES = ["a", "b"] as const;

export function PlaygroundPage() {
  const { t } = useTranslation("playground");
  const view = playgroundOf(useSearch({ strict: false }));
  const navigate = useNavigate();
  const [question, setQuestion] = useState(view.q ?? "");
  const go = (next: PlaygroundSearch, replace = false) => void navigate({ to: "/admin/playground", search: ((before: object) => playgroundOf({ ...before, ...next })) as never, replace });
  const setups = { a: setupOf(view.a), b: setupOf(view.b) };
  const found = { a: useExplained(view.q, setups.a), b: useExplained(view.q, setups.b) };
  const generations = useGenerations().data;
  const passage = view.open === undefined ? undefined : (found.a.data?.passages[view.open] ?? found.b.data?.passages[view.open]);
  const again = () => Promise.all(SIDES.map((side) => found[side].refetch()));
  return (
    <Page title={t("title")} tell={t("tell")} size="xl">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (question.trim() === view.q) void again();
          else go({ q: question.trim(), open: "" });
        }}
      >
        <Group align="flex-end" gap="sm" wrap="nowrap">
          <Textarea label={t("question")} autosize maxRows={4} maxLength={20_000} value={question} onChange={(event) => setQuestion(event.currentTarget.value)} className={css.grow ?? ""} onKeyDown={(event) => { if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); event.currentTarget.form?.requestSubmit(); } }} />
          <Button type="submit" disabled={question.trim() === ""} loading={found.a.isFetching || found.b.isFetching} leftSection={<IconSearch size={16} />}>{t("search")}</Button>
        </Group>
      </form>
      <div className={css.sides}>
        {SIDES.map((side) => (
          <Panel key={side} title={t(`side.${side}`)} tell={said(setups[side]) === "" ? t("own") : t("changed")}>
            <SetupForm setup={setups[side]} own={found[side].data?.knobs} reranker={SIDES.some((one) => found[one].data?.reranker !== null || setups[one].rerank === false)} generations={generations ?? []} onChange={(setup: Setup) => go({ [side]: said(setup) }, true)} />
          </Panel>
        ))}
      </div>
      {generations?.length === 1 ? <Text size="xs" c="var(--soft)">{t("oneGeneration")}</Text> : null}
      {view.q === undefined ? <Blank icon={IconFlask} title={t("none.title")} tell={t("none.tell")} /> : (
        <div className={css.sides}>
          {SIDES.map((side) => <Stages key={side} name={t(`side.${side}`)} query={found[side]} other={found[side === "a" ? "b" : "a"].data} onOpen={(open) => go({ open })} />)}
        </div>
      )}
      <SourceBeside
        over
        citation={passage && { n: 1, document_id: passage.document_id, version: passage.version, document: passage.title || passage.uri, uri: passage.uri, chunk_id: passage.chunk_id, page: passage.page, span: [passage.start, passage.end], boxes: passage.boxes, quote: passage.excerpt }}
        count={{ at: 0, of: 1 }}
        onStep={() => undefined}
        onClose={() => go({ open: "" })}
      />
    </Page>
  );
}

function useExplained(q: string | undefined, setup: Setup) {
  const domain = useDomain();
  return useQuery({
    queryKey: ["explained", domain, q, setup],
    queryFn: () => got(api.POST("/api/v1/searches/explain", { body: requestOf(q ?? "", setup, domain) })),
    enabled: q !== undefined,
    staleTime: 60_000,
    placeholderData: (before, query) => (query?.queryKey[2] === q ? before : undefined),
  });
}

function useGenerations() {
  const domain = useDomain();
  return useQuery({
    queryKey: ["generations", domain],
    queryFn: async () => (await got(api.GET("/api/v1/generations", { params: { query: domain ? { domain } : {} } }))).generations,
    staleTime: 10_000,
  });
}
