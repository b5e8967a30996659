import { Anchor, Badge, Button, Group, Stack, Text, UnstyledButton } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { counted } from "@/app/lasting";
import { Loaded } from "@/app/Loaded";
import { useMe } from "@/app/me";
import { Panel } from "@/primitives/Panel";
import css from "./playground.module.css";
import { moved, type Told } from "./setup";

const SHOWN = 5;
type Stage = Schemas["Listed"];

interface StagesProps {
  name: string;
  query: UseQueryResult<Told>;
  other: Told | undefined;
  onOpen: (chunk: string) => void;
}

/** One side: what each stage made of the question, in the order of the search, the evidence last. */
export function Stages({ name, query, other, onOpen }: StagesProps) {
  const { t } = useTranslation("playground");
  return (
    <Stack gap="md" component="section" aria-label={name} className={css.side}>
      <Loaded query={query} height={400}>
        {(told) => (
          <>
            <Panel title={t("outcome", { name })}>
              <Group gap="xs">
                <Badge color={told.abstains ? "orange" : "green"} variant="light" tt="none">{told.abstains ? t("abstains") : t("answers")}</Badge>
                <Text size="sm" c="var(--soft)">{t("confidence", { share: counted(told.confidence * 100) })}</Text>
              </Group>
              {told.evidence.map((one) => (
                <UnstyledButton key={`${one.chunk_id} ${one.start}`} className={css.place ?? ""} onClick={() => onOpen(one.chunk_id)}>
                  <Text size="sm" className={css.anywhere}>{one.text}</Text>
                  <Text size="xs" c="var(--soft)" truncate><bdi>{told.passages[one.chunk_id]?.title}</bdi></Text>
                </UnstyledButton>
              ))}
              <Text size="xs" c="var(--soft)">{Object.entries(told.timings).map(([stage, ms]) => `${stage} ${counted(ms, 1)} ms`).join(" · ")}</Text>
              {told.queries.length > 1 ? <Text size="xs" c="var(--soft)" className={css.anywhere}>{t("queries", { queries: told.queries.join(" · ") })}</Text> : null}
            </Panel>
            {[...told.stages].reverse().map((stage) => <Listed key={stage.stage} stage={stage} told={told} other={other} onOpen={onOpen} />)}
          </>
        )}
      </Loaded>
    </Stack>
  );
}

function Listed({ stage, told, other, onOpen }: { stage: Stage; told: Told; other: Told | undefined; onOpen: (chunk: string) => void }) {
  const { t } = useTranslation("playground");
  const [all, setAll] = useState(false);
  const reviews = useMe().data?.roles.includes("data") ?? false;
  const places = all ? stage.places : stage.places.slice(0, SHOWN);
  return (
    <Panel title={t(`stage.${stage.stage}`)} tell={t(`stageTell.${stage.stage}`)} acts={<Text size="xs" c="var(--soft)">{t("total", { total: counted(stage.total) })}</Text>}>
      {stage.places.length === 0 ? <Text size="sm">{t("nothing")}</Text> : null}
      <Stack component="ol" gap={4} m={0} p={0} className={css.list}>
        {places.map((place) => {
          const passage = told.passages[place.chunk_id];
          const liked = stage.stage === "memory" ? told.moved[place.chunk_id] : undefined;
          return passage ? (
            <li key={place.chunk_id}>
              <UnstyledButton className={css.place ?? ""} onClick={() => onOpen(place.chunk_id)}>
                <Group justify="space-between" wrap="nowrap" gap="xs">
                  <Text size="sm" fw={550} truncate>{place.rank}. <bdi>{passage.title || passage.uri}</bdi></Text>
                  <Group gap={6} wrap="nowrap" className={css.whole}>
                    <Moved by={moved(told, other, stage.stage, place.chunk_id)} />
                    <Text size="xs" c="var(--soft)" title={place.why}>{counted(place.score, 3)}</Text>
                  </Group>
                </Group>
                {liked ? <Text size="xs">{t("remembered", { useful: counted(liked.useful), people: counted(liked.people), similarity: counted(liked.similarity, 2), boost: counted(liked.boost, 3) })}</Text> : null}
                {stage.stage === "rerank" ? <Reasons of={told.reasons[place.chunk_id] ?? []} /> : null}
                <Text size="xs" c="var(--soft)" lineClamp={2} className={css.anywhere}>{passage.excerpt}</Text>
              </UnstyledButton>
              {liked && reviews && liked.said.length > 0 ? <Anchor component={Link} size="xs" ml={8} to="/data/feedback" search={{ state: "any", ids: liked.said } as never}>{t("behind")}</Anchor> : null}
            </li>
          ) : null;
        })}
      </Stack>
      {stage.places.length > SHOWN ? <Group><Button size="compact-xs" variant="subtle" onClick={() => setAll(!all)}>{all ? t("fewer") : t("all", { count: stage.places.length })}</Button></Group> : null}
    </Panel>
  );
}

/** What moved a passage most in the reranker, where it can tell, with how far. */
function Reasons({ of }: { of: Schemas["Reason"][] }) {
  const { t } = useTranslation("playground");
  if (of.length === 0) return null;
  const told = of.map(({ name, push }) => `${t(`reason.${name as "terms"}`, { defaultValue: name })} ${push < 0 ? "−" : "+"}${counted(Math.abs(push), 3)}`);
  return <Text size="xs">{t("reasons", { reasons: told.join("; ") })}</Text>;
}

function Moved({ by }: { by: number | undefined | null }) {
  const { t } = useTranslation("playground");
  if (by === null || by === 0) return null;
  if (by === undefined) return <Badge size="xs" variant="light" color="violet" tt="none">{t("onlyHere")}</Badge>;
  return <Badge size="xs" variant="light" color={by > 0 ? "green" : "orange"} tt="none" aria-label={t(by > 0 ? "up" : "down", { by: Math.abs(by) })}>{by > 0 ? `↑ ${by}` : `↓ ${-by}`}</Badge>;
}
