import { Button, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { useAct } from "@/app/act";
import { browserOf } from "@/app/agent";
import { Loaded } from "@/app/Loaded";
import { Trouble } from "@/app/Trouble";
import { ago, day } from "@/app/when";
import { Panel } from "@/primitives/Panel";

/** Where somebody is signed in; each browser can be signed out. */
export function PersonSessions({ name }: { name: string }) {
  const { t } = useTranslation("people");
  const path = { name };
  const found = useQuery({ queryKey: ["people", "sessions", name], queryFn: () => got(api.GET("/api/v1/accounts/{name}/sessions", { params: { path } })) });
  const end = useAct(["people"], async (id: string | undefined) =>
    id === undefined
      ? await api.DELETE("/api/v1/accounts/{name}/sessions", { params: { path } })
      : await api.DELETE("/api/v1/accounts/{name}/sessions/{session_id}", { params: { path: { ...path, session_id: id } } }),
  );
  return (
    <Panel title={t("sessions.title")}>
      {end.error ? <Trouble error={end.error} /> : null}
      <Loaded query={found} height={60}>
        {({ sessions }) =>
          sessions.length === 0 ? <Text size="sm" c="var(--soft)">{t("sessions.none")}</Text> : (
            <>
              <Stack gap="xs" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
                {sessions.map((one) => (
                  <Line key={one.id} title={browserOf(one.agent) || t("sessions.unknown")} tell={t("sessions.used", { when: ago(one.seen_at) })}>
                    <Button size="xs" variant="default" disabled={end.isPending} onClick={() => end.mutate(one.id)}>{t("sessions.end")}</Button>
                  </Line>
                ))}
              </Stack>
              <Group><Button size="xs" variant="subtle" color="red" disabled={end.isPending} onClick={() => end.mutate(undefined)}>{t("sessions.endAll")}</Button></Group>
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}

/** The keys that programs carry in somebody's name. */
export function PersonKeys({ name }: { name: string }) {
  const { t } = useTranslation("people");
  const found = useQuery({ queryKey: ["keys", "of", name], queryFn: () => got(api.GET("/api/v1/keys/all", { params: { query: { owner: name, limit: 1_000 } } })) });
  const remove = useAct(["keys"], (id: string) => got(api.DELETE("/api/v1/keys/all/{key_id}", { params: { path: { key_id: id } } })));
  return (
    <Panel title={t("keys.title")}>
      {remove.error ? <Trouble error={remove.error} /> : null}
      <Loaded query={found} height={60}>
        {({ keys }) =>
          keys.length === 0 ? <Text size="sm" c="var(--soft)">{t("keys.none")}</Text> : (
            <Stack gap="xs" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
              {keys.map((one) => (
                <Line key={one.id} title={one.name} tell={t("keys.until", { day: day(one.expires_at), roles: one.scopes.toSorted().map((role) => t(`role.${role}`)).join(", ") })}>
                  <Button size="xs" variant="default" disabled={remove.isPending} onClick={() => remove.mutate(one.id)}>{t("keys.remove")}</Button>
                </Line>
              ))}
            </Stack>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Line({ title, tell, children }: { title: string; tell: string; children: ReactNode }) {
  return (
    <Group component="li" justify="space-between" wrap="nowrap">
      <div style={{ minWidth: 0 }}>
        <Text size="sm" truncate title={title}><bdi>{title}</bdi></Text>
        <Text size="xs" c="var(--soft)">{tell}</Text>
      </div>
      {children}
    </Group>
  );
}
