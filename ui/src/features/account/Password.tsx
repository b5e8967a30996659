import { Button, Group, PasswordInput, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import { Trouble } from "@/app/Trouble";
import { Part } from "./AccountPage";

export function Password() {
  const { t } = useTranslation("account");
  const [before, setBefore] = useState("");
  const [after, setAfter] = useState("");
  const change = useMutation({
    mutationFn: () => api.PUT("/api/v1/password", { body: { before, after } }),
    onSuccess: () => location.replace("/sign-in"),
  });
  return (
    <Part title={t("password.title")}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate();
        }}
      >
        {change.error ? <Trouble error={change.error} /> : null}
        <PasswordInput label={t("password.before")} autoComplete="current-password" required withAsterisk={false} maxLength={1000} value={before} onChange={(event) => setBefore(event.currentTarget.value)} />
        <PasswordInput mt="sm" label={t("password.after")} autoComplete="new-password" required withAsterisk={false} maxLength={1000} value={after} onChange={(event) => setAfter(event.currentTarget.value)} />
        <Group mt="md" gap="md"><Button type="submit" variant="default" loading={change.isPending}>{t("password.change")}</Button><Text size="xs" c="var(--soft)">{t("password.tell")}</Text></Group>
      </form>
    </Part>
  );
}
