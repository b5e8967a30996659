import { Button, Checkbox, Group, Select, SimpleGrid, Stack, TextInput } from "@mantine/core";
import { useState, type SubmitEvent } from "react";
import { useTranslation } from "react-i18next";
import { api, got, type Schemas } from "@/api/client";
import { useAct } from "@/app/act";
import { useDomain } from "@/app/me";
import { Trouble } from "@/app/Trouble";
import { Panel } from "@/primitives/Panel";
import type { TaskName } from "./manifest";
import type { Run } from "./queries";
import { Redaction, type Chosen } from "./Redaction";

const TASKS: TaskName[] = ["instruction", "preference", "label", "relevance", "evaluation"];

/** What a new version is made of; it is built whether one looks on or not. */
export function Build({ close, asked }: { close: () => void; asked: (run: Run) => void }) {
  const { t } = useTranslation("datasets");
  const domain = useDomain();
  const [name, setName] = useState("");
  const [description, describe] = useState("");
  const [tasks, want] = useState<TaskName[]>(TASKS);
  const [review, setReview] = useState<"accepted" | "all">("accepted");
  const [audience, setAudience] = useState<"everyone" | "mine">("everyone");
  const [redaction, setRedaction] = useState<Chosen>("default");
  const run = useAct(
    ["builds"],
    () => got(api.POST("/api/v1/dataset-builds", { body: { name, description: description.trim(), tasks, audience, redaction, review: review === "all" ? ["raw", "accepted"] : ["accepted"], domain: domain ?? null } as Schemas["NewDataset"] })),
    asked,
  );
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
          </Group>
        </Stack>
      </form>
    </Panel>
  );
}
