import { Button, Divider, Group, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";
import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";
import { counted } from "@/app/lasting";
import { Loaded } from "@/app/Loaded";
import { Trouble } from "@/app/Trouble";
import { moment } from "@/app/when";
import { Confirm } from "@/primitives/Confirm";
import { Facts } from "@/primitives/Facts";
import { Panel } from "@/primitives/Panel";
import { Judged } from "./Judged";
import { isWritten, nameOf, useBegin, useCandidate, useMeasure, usePromote, useReleases, useTrial, type Candidate, type Kind } from "./queries";
import { share, SHARES } from "./trial";

/** What is not tried with people here: an index of its own, and models, which have trials of their own. */
const ELSEWHERE: readonly Kind[] = ["encoder", "chunking", "llm"];

/** What a candidate was made of, what the gate said of it each time, and what can be done about it. */
export function CandidatePanel({ name, close }: { name: string; close: () => void }) {
  const { t } = useTranslation(["candidates", "app"]);
  const found = useCandidate(name);
  const releases = useReleases();
  const { run, done } = useMeasure(name);
  const [asked, ask] = useDisclosure(false);
  const [why, say] = useState("");
  const promote = usePromote(name);
  const against = releases.data?.releases[0]?.number ?? 0;
  return (
    <Panel title={name} acts={<Button size="xs" variant="default" onClick={close}>{t("close")}</Button>}>
      <Loaded query={found}>
        {({ candidate, reports }) => {
          const last = reports[0];
          const here = last?.against === against;
          const passed = last?.report.outcome === "passed" && here;
          const triable = here && last.report.outcome !== "refused" && candidate.state !== "refused" && !ELSEWHERE.includes(candidate.kind);
          return (
            <Stack gap="md">
              <Made one={candidate} />
              <Group>
                <Button variant={passed ? "default" : "filled"} loading={run.isPending} onClick={() => run.mutate()}>{t("measure")}</Button>
                {passed ? <Button onClick={ask.open}>{t("promote")}</Button> : null}
                {triable ? <Begin name={name} /> : null}
                <Text role="status" size="sm" c="var(--soft)">{run.isPending ? t("measured", { done: counted(done.done), total: counted(done.total) }) : ""}</Text>
              </Group>
              {run.error ? <Trouble error={run.error} /> : null}
              {promote.error ? <Trouble error={promote.error} /> : null}
              {reports.length === 0 ? <Text size="sm">{t("unmeasured")}</Text> : null}
              {reports.map((one, n) => <Stack key={one.id} gap="md">{n ? <Divider /> : null}<Judged one={one} written={isWritten(candidate)} /></Stack>)}
            </Stack>
          );
        }}
      </Loaded>
      <Confirm opened={asked} onClose={ask.close} title={t("promoteAsk", { name })} tell={t("promoteTell")} act={t("promote")} cancel={t("app:action.cancel")} busy={promote.isPending} onAct={() => promote.mutate(why, { onSuccess: ask.close, onError: ask.close })}>
        <TextInput label={t("why")} maxLength={2000} value={why} onChange={(event) => say(event.currentTarget.value)} />
      </Confirm>
    </Panel>
  );
}

/** Which share of the people it is to answer, and what that means for them. */
function Begin({ name }: { name: string }) {
  const { t } = useTranslation(["candidates", "app"]);
  const trial = useTrial();
  const [asked, ask] = useDisclosure(false);
  const [of, choose] = useState("10");
  const begin = useBegin(name);
  const close = () => {
    begin.reset();
    ask.close();
  };
  const comparison = trial.data?.comparison;
  if (!trial.data || (comparison && !comparison.trial.ended)) return null;
  return (
    <>
      <Button variant="default" onClick={ask.open}>{t("tryIt")}</Button>
      <Confirm opened={asked} onClose={close} title={t("tryAsk", { name })} tell={t("tryTell")} act={t("tryAct")} cancel={t("app:action.cancel")} busy={begin.isPending} onAct={() => begin.mutate(Number(of) / 100, { onSuccess: ask.close })}>
        {begin.error ? <Trouble error={begin.error} /> : null}
        <Stack gap={6}>
          <Text size="sm" fw={500}>{t("tryShare")}</Text>
          <SegmentedControl aria-label={t("tryShare")} value={of} onChange={choose} data={SHARES.map((one) => ({ value: String(one), label: share(one / 100) }))} />
        </Stack>
      </Confirm>
    </>
  );
}

function Made({ one }: { one: Candidate }) {
  const { t } = useTranslation("candidates");
  const number = (name: string) => counted(Number(one.figures[name] ?? 0));
  const left = (["held_out", "stale", "nothing_said", "not_indexed", "capped"] as const).filter((name) => Number(one.figures[name] ?? 0) > 0);
  const until: [string, string] = [t("until"), moment(String(one.lineage["as_of"]))];
  const facts: [string, string][] = "votes" in one.figures ? [[t("votes"), number("votes")], [t("answers"), number("answers")], until] : one.kind === "llm" ? [until] : [[t("questions"), number("questions")], until];
  return (
    <>
      <Facts facts={[...facts, ...particulars(one, t)]} />
      {"before" in one.figures ? <Text size="sm">{one.kind === "chunking" ? t("whereHeld", { before: share(Number(one.figures["before"])), after: share(Number(one.figures["after"])) }) : t(isWritten(one) ? "whereWritten" : "where", { before: precise(one.figures["before"]), after: precise(one.figures["after"]) })}</Text> : null}
      {one.kind === "chunking" ? <Text size="sm">{t("waits")}</Text> : null}
      {left.length ? <Text size="sm">{t("left")} {left.map((name) => `${number(name)} ${t(`why_${name}`)}`).join("; ")}</Text> : null}
      <Text size="xs" c="var(--soft)">{t("madeBy", { name: nameOf(one), by: one.created_by, at: moment(one.created_at) })}</Text>
    </>
  );
}

const precise = (value: unknown) => Number(value).toFixed(3);

/** What a language model was trained on, and how that went. */
function trained(one: Candidate, t: TFunction<"candidates">): [string, string][] {
  const losses = one.figures["losses"] as number[];
  const held = one.figures["validation_loss"] as [number, number] | null;
  const { method } = one.lineage["recipe"] as { method: string };
  return [
    [t("base"), String(one.lineage["base"])],
    [t("dataset"), `${String(one.lineage["dataset"])}${one.figures["withdrawn"] ? ` ${t("withdrawn")}` : ""}`],
    [t("rows"), `${counted(Number(one.figures["rows"]))}, ${method.toUpperCase()}`],
    [t("loss"), t("fell", { first: precise(losses[0]), last: precise(losses.at(-1)) })],
    ...(held ? [[t("validation"), t("fell", { first: precise(held[0]), last: precise(held[1]) })] as [string, string]] : []),
  ];
}

/** What it changes of what was in use, and how much it was asked; of an older one only its settings are known. */
function settings({ lineage, figures }: Candidate, knobs: Record<string, unknown>, t: TFunction<"candidates">): [string, string][] {
  const changes = Object.entries((lineage["changes"] ?? {}) as Record<string, [unknown, unknown]>);
  const of = Number(figures["of"] ?? 0);
  return [
    ...(changes.length ? changes.map(([name, [before, after]]): [string, string] => [name, `${String(before)} → ${String(after)}`]) : Object.entries(knobs).map(([name, value]): [string, string] => [name, String(value)])),
    ...("tried" in lineage ? [[t("tried"), counted(Number(lineage["tried"]))] as [string, string]] : []),
    ...(of > Number(figures["questions"]) ? [[t("spent"), t("spentOf", { of: counted(of) })] as [string, string]] : []),
  ];
}

/** What only a candidate of this kind has. */
function particulars(one: Candidate, t: TFunction<"candidates">): [string, string][] {
  const knobs = (one.lineage["knobs"] ?? {}) as Record<string, unknown>;
  if (one.kind === "memory") return [[t("near"), `${Number(knobs["gate"]).toFixed(2)} ${t(one.figures["gate_fitted"] ? "fitted" : "assumed")}`]];
  if (one.kind === "configuration") return settings(one, knobs, t);
  if (one.kind === "prompt") return [[t("examples"), t("examplesOf", { count: Number(one.figures["examples"]), corrections: counted(Number(one.figures["corrections"])) })]];
  if (one.kind === "llm") return trained(one, t);
  if (one.kind === "reranker")
    return "trees" in one.lineage
      ? [[t("trees"), counted(Number(one.lineage["trees"]))]]
      : [[t("base"), `${String(one.lineage["base"])}${one.figures["withdrawn"] ? ` ${t("withdrawn")}` : ""}`]];
  if (one.kind === "chunking") {
    const of = (name: string) => {
      const cut = one.lineage[name] as { size: number; overlap: number };
      return t(cut.overlap ? "cutOf" : "cutPlain", cut);
    };
    return [[t("cut"), of("cut")], [t("cutBefore"), of("before")], [t("cutTried"), t("cutPool", { count: (one.lineage["tried"] as unknown[]).length, pool: counted(Number(one.lineage["pool"])) })]];
  }
  if (one.kind === "encoder") return [[t("mix"), String(one.lineage["mix"])], [t("epochs"), String(one.lineage["epochs"])], ...(one.figures["withdrawn"] ? [[t("learned"), t("withdrawn")] as [string, string]] : [])];
  return [[t("mix"), String(one.lineage["mix"])]];
}
