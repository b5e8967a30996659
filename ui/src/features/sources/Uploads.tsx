import { ActionIcon, Button, FileButton, Group, Progress, Stack, Text } from "@mantine/core";
import { IconCircleCheck, IconCloudUpload, IconTrash, IconX } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type DragEvent } from "react";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { Loaded } from "@/app/Loaded";
import { useDomain } from "@/app/me";
import { Trouble } from "@/app/Trouble";
import { ago, moment } from "@/app/when";
import { Confirm } from "@/primitives/Confirm";
import { Panel } from "@/primitives/Panel";
import { readAnew, useAct, type Source } from "./queries";
import { sized } from "./state";
import css from "./sources.module.css";
import { useUploading, type Sending } from "./uploading";

const SHOWN = 50;

/** Files for a source that keeps them itself: put there, listed, and taken away; then the source is read. */
export function Uploads({ source, busy }: { source: Source; busy: boolean }) {
  const { t } = useTranslation(["sources", "app"]);
  const domain = useDomain();
  const path = { path: { source: source.id } };
  const kept = useQuery({ queryKey: ["uploads", domain, source.id], queryFn: () => got(api.GET("/api/v1/sources/{source}/uploads", { params: path })) });
  const sync = useAct(() => readAnew(source.id));
  const { all, add, again, drop } = useUploading(source.id, () => sync.mutate());
  const [over, setOver] = useState(false);
  const taken = new Set(kept.data?.uploads.map((one) => one.name));
  const dropped = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    add([...event.dataTransfer.files], taken);
  };
  return (
    <Panel title={t("uploads.title")} tell={t("uploads.tell")}>
      <div
        className={css.drop}
        data-over={over}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={dropped}
      >
        <IconCloudUpload size={28} stroke={1.5} aria-hidden />
        <Text size="sm">{t("uploads.drop")}</Text>
        <FileButton multiple onChange={(files) => add(files, taken)} inputProps={{ "aria-label": t("uploads.choose") }}>
          {(props) => <Button {...props} variant="default" size="xs">{t("uploads.choose")}</Button>}
        </FileButton>
      </div>
      <Stack component="ul" gap="xs" m={0} p={0} className={css.list} aria-label={t("uploads.sending")}>
        {all.map((one) => <Row key={one.id} one={one} again={() => again(one.id)} drop={() => drop(one.id)} />)}
      </Stack>
      {sync.error ? <Trouble error={sync.error} again={() => sync.mutate()} /> : null}
      {busy && all.some((one) => one.state === "done") ? <Text size="sm" role="status">{t("uploads.reading")}</Text> : null}
      <Loaded query={kept}>{({ uploads }) => <Kept source={source} uploads={uploads} />}</Loaded>
    </Panel>
  );
}

function Row({ one: { file, state, share, problem }, again, drop }: { one: Sending; again: () => void; drop: () => void }) {
  const { t } = useTranslation("sources");
  return (
    <li>
      <Group justify="space-between" wrap="nowrap" gap="sm">
        <Text size="sm" truncate><bdi>{file.name}</bdi></Text>
        <Group gap="xs" wrap="nowrap">
          <Text size="xs" c="var(--soft)" className={css.whole}>{state === "sending" ? `${share} %` : t(`uploads.state.${state}`)}</Text>
          {state === "done" ? <IconCircleCheck size={16} color="var(--mantine-color-green-text)" aria-hidden /> : null}
          {state === "taken" ? <Button size="compact-xs" variant="default" onClick={again}>{t("uploads.replace")}</Button> : null}
          {state === "refused" && problem?.retryable ? <Button size="compact-xs" variant="default" onClick={again}>{t("troubles.retry")}</Button> : null}
          {state === "sending" ? null : <ActionIcon size="sm" aria-label={t("uploads.forget", { name: file.name })} onClick={drop}><IconX size={14} /></ActionIcon>}
        </Group>
      </Group>
      {state === "sending" ? <Progress value={share} size="sm" mt={4} aria-label={file.name} /> : null}
      {problem ? <Trouble error={problem} /> : null}
    </li>
  );
}

function Kept({ source, uploads }: { source: Source; uploads: { name: string; size: number; uploaded_at: string }[] }) {
  const { t } = useTranslation(["sources", "app"]);
  const client = useQueryClient();
  const [most, setMost] = useState(SHOWN);
  const [asked, ask] = useState<string>();
  const remove = useMutation({
    mutationFn: (name: string) => got(api.DELETE("/api/v1/sources/{source}/uploads/{name}", { params: { path: { source: source.id, name } } })),
    onSuccess: () => ask(undefined),
    onSettled: () => Promise.all(["uploads", "documents", "sources"].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });
  if (uploads.length === 0) return <Text size="sm" c="var(--soft)">{t("uploads.none")}</Text>;
  return (
    <>
      <Text size="sm" fw={600}>{t("uploads.kept")}</Text>
      <Stack component="ul" gap={4} m={0} p={0} className={css.list} aria-label={t("uploads.kept")}>
        {uploads.slice(0, most).map((one) => (
          <Group key={one.name} component="li" justify="space-between" wrap="nowrap" gap="sm">
            <Text size="sm" truncate title={one.name}><bdi>{one.name}</bdi></Text>
            <Group gap="sm" wrap="nowrap" className={css.whole}>
              <Text size="xs" c="var(--soft)" title={moment(one.uploaded_at)}>{sized(one.size)}, {ago(one.uploaded_at)}</Text>
              <ActionIcon size="sm" aria-label={t("uploads.remove", { name: one.name })} onClick={() => ask(one.name)}><IconTrash size={14} /></ActionIcon>
            </Group>
          </Group>
        ))}
      </Stack>
      {uploads.length > most ? <Group><Button size="xs" variant="subtle" onClick={() => setMost(most + SHOWN)}>{t("app:action.more")}</Button></Group> : null}
      <Confirm opened={asked !== undefined} onClose={() => ask(undefined)} title={t("uploads.ask")} tell={t("uploads.askTell", { name: asked ?? "" })} act={t("uploads.delete")} cancel={t("app:action.cancel")} danger busy={remove.isPending} onAct={() => remove.mutate(asked ?? "")}>
        {remove.error ? <Trouble error={remove.error} /> : null}
      </Confirm>
    </>
  );
}
