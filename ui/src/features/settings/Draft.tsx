import { Alert, Button, FileButton, Group, Stack, Table, Text, Textarea } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconFileUpload, IconInfoCircle } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, got, type Schemas } from "@/api/client";
import { Trouble } from "@/app/Trouble";
import css from "./settings.module.css";
import { valueOf } from "./values";

const LONGEST = 500_000;
const EXAMPLE = "[server]\nport = 8000";

/** A whole configuration file, told what is wrong with it before anybody starts with it. */
export function Draft({ file }: { file: string }) {
  const { t } = useTranslation("settings");
  const [text, setText] = useState("");
  const check = useMutation({ mutationFn: (given: string) => got(api.POST("/api/v1/settings/check", { body: { text: given } })) });
  const change = (given: string) => {
    check.reset();
    setText(given);
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        check.mutate(text);
      }}
    >
      <Stack gap="sm">
        <Text size="sm" className={css.key}>{file ? t("draft.file", { file }) : t("draft.noFile")}</Text>
        <Textarea className={css.text ?? ""} label={t("draft.label")} placeholder={EXAMPLE} spellCheck={false} autosize minRows={5} maxRows={24} maxLength={LONGEST} value={text} onChange={(event) => change(event.currentTarget.value)} />
        <Group gap="xs">
          <Button type="submit" loading={check.isPending} disabled={text.trim() === ""}>{t("draft.check")}</Button>
          <FileButton accept=".toml,text/plain" onChange={(chosen) => void chosen?.text().then(change)}>
            {(props) => <Button {...props} variant="default" leftSection={<IconFileUpload size={16} />}>{t("draft.open")}</Button>}
          </FileButton>
          <Text size="xs" c="var(--soft)">{t("draft.kept")}</Text>
        </Group>
        {check.error ? <Trouble error={check.error} /> : null}
        {check.data ? <Verdict drafted={check.data} /> : null}
      </Stack>
    </form>
  );
}

function Verdict({ drafted: { problems, warnings, changes } }: { drafted: Schemas["Drafted"] }) {
  const { t } = useTranslation("settings");
  if (problems.length)
    return (
      <Alert color="red" variant="light" icon={<IconAlertTriangle />} title={t("draft.bad", { count: problems.length })} role="alert">
        <Listed said={problems} />
      </Alert>
    );
  return (
    <Stack gap="sm">
      <Alert color="green" variant="light" icon={<IconCircleCheck />} title={t("draft.good")} role="status">{changes.length ? t("draft.restart") : t("draft.same")}</Alert>
      {warnings.length ? <Alert color="orange" variant="light" icon={<IconInfoCircle />} title={t("draft.warned")}><Listed said={warnings} /></Alert> : null}
      {changes.length ? <Changes changes={changes} /> : null}
    </Stack>
  );
}

function Listed({ said }: { said: string[] }) {
  return <ul className={css.list}>{said.map((one) => <li key={one}><Text size="sm">{one}</Text></li>)}</ul>;
}

function Changes({ changes }: { changes: Schemas["Change"][] }) {
  const { t } = useTranslation("settings");
  const words = { yes: t("yes"), no: t("no"), empty: t("empty") };
  return (
    <Table.ScrollContainer minWidth={440} type="native" tabIndex={0} aria-label={t("draft.changes")}>
      <Table layout="fixed">
        <Table.Thead><Table.Tr><Table.Th>{t("draft.key")}</Table.Th><Table.Th>{t("draft.before")}</Table.Th><Table.Th>{t("draft.after")}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {changes.map((one) => (
            <Table.Tr key={one.key}>
              <Table.Td className={css.key}>{one.key}</Table.Td>
              <Table.Td className={css.key}>{valueOf(one.before, words)}</Table.Td>
              <Table.Td className={css.key}>{valueOf(one.after, words)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
