import { Button, Code, Group, Select, Stack, Text, Textarea } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { Trouble } from "@/app/Trouble";

export type Chosen = "default" | "none";

/** What will be replaced, a text to try it on, and the choice to replace nothing where that is allowed. */
export function Redaction({ chosen, choose }: { chosen: Chosen; choose: (said: Chosen) => void }) {
  const { t } = useTranslation("datasets");
  const [text, write] = useState("");
  const [open, show] = useState(false);
  const rules = useQuery({ queryKey: ["datasets", "redaction"], queryFn: () => got(api.GET("/api/v1/redaction")) });
  const tried = useMutation({ mutationFn: () => got(api.POST("/api/v1/redaction/preview", { body: { text } })) });
  return (
    <Stack gap="xs">
      {rules.data?.optional ? <Select label={t("redaction.choice")} w={{ base: "100%", sm: 320 }} allowDeselect={false} value={chosen} onChange={(said) => choose(said === "none" ? "none" : "default")} data={(["default", "none"] as const).map((value) => ({ value, label: t(`redaction.choices.${value}`) }))} /> : null}
      {chosen === "none" ? <Text size="sm" role="alert">{t("redaction.none.tell")}</Text> : <Text size="sm">{t("redaction.told")} {t("redaction.limits")}</Text>}
      {open ? (
        <Stack gap="xs">
          <Textarea label={t("redaction.try")} description={rules.data?.kinds.join(", ")} autosize minRows={2} maxRows={8} maxLength={20000} value={text} onChange={(event) => write(event.currentTarget.value)} />
          <Group><Button variant="default" size="xs" loading={tried.isPending} disabled={!text.trim()} onClick={() => tried.mutate()}>{t("redaction.look")}</Button></Group>
          {tried.error ? <Trouble error={tried.error} /> : null}
          <div role="status">{tried.data ? <Code block style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>{tried.data.text}</Code> : null}</div>
        </Stack>
      ) : <Group><Button variant="default" size="xs" onClick={() => show(true)}>{t("redaction.open")}</Button></Group>}
    </Stack>
  );
}
