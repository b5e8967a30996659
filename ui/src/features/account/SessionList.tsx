import { Button, Group, Stack, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { browserOf } from "@/app/agent";
import { Trouble } from "@/app/Trouble";
import { ago } from "@/app/when";
import { Part } from "./AccountPage";

export function SessionList() {
  const { t } = useTranslation("account");
  const client = useQueryClient();
  const sessions = useQuery({ queryKey: ["sessions"], queryFn: () => got(api.GET("/api/v1/sessions")) });
  // Whoever ends the session that this page has is led to the door by the next request.
  const end = useMutation({
    mutationFn: async (id: string | undefined) =>
      id === undefined
        ? await api.DELETE("/api/v1/sessions")
        : await api.DELETE("/api/v1/sessions/{session_id}", { params: { path: { session_id: id } } }),
    onSettled: () => client.invalidateQueries({ queryKey: ["sessions"] }),
  });
  return (
    <Part title={t("sessions.title")}>
      {sessions.error ?? end.error ? <Trouble error={sessions.error ?? end.error} /> : null}
      <Stack gap="xs" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
        {sessions.data?.sessions.map((one) => (
          <Group key={one.id} component="li" justify="space-between" wrap="nowrap">
            <div style={{ minWidth: 0 }}>
              <Text size="sm" truncate title={one.agent}>{browserOf(one.agent) || t("sessions.unknown")}</Text>
              <Text size="xs" c="var(--soft)">{t("sessions.used", { when: ago(one.seen_at) })}</Text>
            </div>
            <Button size="xs" variant="default" onClick={() => end.mutate(one.id)}>{t("sessions.end")}</Button>
          </Group>
        ))}
      </Stack>
      <Group><Button size="xs" variant="subtle" color="red" onClick={() => end.mutate(undefined)}>{t("sessions.endAll")}</Button></Group>
    </Part>
  );
}
