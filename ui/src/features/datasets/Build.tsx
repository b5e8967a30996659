import { Button, Checkbox, Group, Select, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { events } from "@/api/sse";
import { useDomain } from "@/app/me";
import { Trouble } from "@/app/Trouble";
import { Panel } from "@/primitives/Panel";
import type { Dataset, TaskName } from "./manifest";
import { Redaction, type Chosen } from "./Redaction";

const TASKS: TaskName[] = ["instruction", "preference", "label", "relevance", "evaluation"];

/** What a new version is made of; it is built while one looks on, and goes on where it was cut off. */
export function Build({ close, made }: { close: () => void; made: (one: Dataset) => void }) {
  const { t } = useTranslation("datasets");
  const domain = useDomain();
  const client = useQueryClient();
  const leaving = useRef<AbortController | null>(null);
  const [done, step] = useState(0);
  const [name, setName] = useState("");
  const [description, describe] = useState("");
  const [tasks, want] = useState<TaskName[]>(TASKS);
  const [review, setReview] = useState<"accepted" | "all">("accepted");
  const [audience, setAudience] = useState<"everyone" | "mine">("everyone");
  const [redaction, setRedaction] = useState<Chosen>("default");
  const run = useMutation({
    mutationFn: async () => {
      leaving.current = new AbortController();
      step(0);
      const body = { name, description: description.trim(), tasks, audience, redaction, review: review === "all" ? ["raw", "accepted"] : ["accepted"], domain: domain ?? null };
      let result: Dataset | undefined;
      for await (const { name: event, data } of events("/api/v1/datasets", { body, signal: leaving.current.signal, last: "result" }))
        if (event === "progress") step((data as { done: number }).done);
        else if (event === "result") result = data as Dataset;
      return result;
    },
    onSuccess: async (result) => {
      await client.invalidateQueries({ queryKey: ["datasets"] });
      if (result) made(result);
    },
  });
  useEffect(() => () => leaving.current?.abort(), []);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    run.mutate();
  };
  return (
    <Panel title={t("build.title")} tell={t("build.tell")}>
      <form onSubmit={submit}>
        <Stack gap="md">
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <TextInput label={t("build.name")} description={t("build.nameTell")} required pattern="[a-z0-9][a-z0-9_\-]*" maxLength={64} value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus />
            <TextInput label={t("build.description")} description={t("build.descriptionTell")} maxLength={2000} value={description} onChange={(event) => describe(event.currentTarget.value)} />
            <Select label={t("build.review")} allowDeselect={false} value={review} onChange={(said) => setReview(said === "all" ? "all" : "accepted")} data={(["accepted", "all"] as const).map((value) => ({ value, label: t(`build.reviews.${value}`) }))} />
            <Select label={t("build.audience")} allowDeselect={false} value={audience} onChange={(said) => setAudience(said === "mine" ? "mine" : "everyone")} data={(["everyone", "mine"] as const).map((value) => ({ value, label: t(`build.audiences.${value}`) }))} />
          </SimpleGrid>
          <Checkbox.Group label={t("build.tasks")} value={tasks} onChange={(said) => want(TASKS.filter((one) => said.includes(one)))}>
            <Group gap="md" mt={6}>{TASKS.map((task) => <Checkbox key={task} value={task} label={t(`task.${task}`)} />)}</Group>
          </Checkbox.Group>
          <Redaction chosen={redaction} choose={setRedaction} />
          {run.error ? <Trouble error={run.error} /> : null}
          <Group>
            <Button type="submit" loading={run.isPending} disabled={!tasks.length}>{t("build.act")}</Button>
            <Button variant="default" onClick={close}>{t("build.cancel")}</Button>
            <Text role="status" size="sm" c="var(--soft)">{run.isPending ? t("build.done", { count: done }) : ""}</Text>
          </Group>
        </Stack>
      </form>
    </Panel>
  );
}
