import { Badge, Code, Group, Stack, Text, UnstyledButton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, got, type Schemas } from "@/api/client";
import { Trouble } from "@/app/Trouble";
import { moment } from "@/app/when";
import { SourceBeside } from "@/features/source";
import { Facts } from "@/primitives/Facts";
import css from "./inbox.module.css";

type Made = Schemas["Made"];
type Passage = Schemas["FoundPassage"];
type Citation = Schemas["Citation"];

/** Everything that made an answer, beside the verdict on it; each passage opens at its place. */
export function Beside({ trace }: { trace: string }) {
  const { t } = useTranslation(["inbox", "app"]);
  const [shown, show] = useState<number>();
  const found = useQuery({ queryKey: ["made", trace], queryFn: () => got(api.GET("/api/v1/feedback/answers/{trace_id}", { params: { path: { trace_id: trace } } })) });
  if (found.error) return <Trouble error={found.error} again={() => void found.refetch()} />;
  if (found.isPending) return <Text role="status" size="sm" c="var(--soft)">{t("app:loading")}</Text>;
  const made = found.data;
  const open = made.passages.filter((one) => one.text !== "");
  const citations = open.map((one) => citationOf(one, made));
  return (
    <Stack gap="sm" className={css.beside} component="section" aria-label={t("made.title")}>
      <Facts
        facts={[
          [t("made.asked"), moment(made.at)],
          [t("made.model"), made.model],
          [t("made.prompt"), made.prompt ? <>{made.prompt} <Code>{made.prompt_sha.slice(0, 12)}</Code></> : t("made.noPrompt")],
          [t("made.generation"), made.generation.slice(0, 8)],
        ]}
      />
      {made.standalone === made.question ? null : <Text size="sm" className={css.text}><b>{t("made.standalone")}:</b> {made.standalone}</Text>}
      <Text size="sm" className={css.text}><b>{t("answer")}:</b> {made.answer}</Text>
      <Text size="sm" fw={600}>{t("made.passages", { count: made.passages.length })}</Text>
      <Stack component="ol" gap="xs" m={0} p={0} className={css.passages}>
        {made.passages.map((one, n) => (
          <li key={n} className={css.passage}>
            <Group gap="xs">
              <Text size="sm" fw={600}>{one.rank}.</Text>
              {one.text ? (
                <UnstyledButton className={css.open} onClick={() => show(open.indexOf(one))}><bdi>{one.title || one.document_id}</bdi></UnstyledButton>
              ) : <Text size="sm" c="var(--soft)">{t("made.hidden")}</Text>}
              {one.cited ? <Badge variant="light" tt="none">{t("made.cited")}</Badge> : null}
              <Badge variant="light" color="gray" tt="none">{t(one.in_context ? "made.given" : "made.notGiven")}</Badge>
            </Group>
            {one.text ? <Text size="sm" className={css.text} lineClamp={3}>{one.text}</Text> : null}
          </li>
        ))}
      </Stack>
      <SourceBeside over citation={shown === undefined ? undefined : citations[shown]} count={{ at: shown ?? 0, of: citations.length }} onStep={(by) => show((shown ?? 0) + by)} onClose={() => show(undefined)} />
    </Stack>
  );
}

/** What the source panel shows: the exact citation where there is one, else the whole passage. */
function citationOf(one: Passage, made: Made): Citation {
  const cited = made.citations.find((each) => each.chunk_id === one.chunk_id);
  return cited ?? { n: one.rank, document_id: one.document_id, document: one.title, uri: "", version: one.version, chunk_id: one.chunk_id, page: one.page, span: one.span, boxes: [], quote: "" };
}
