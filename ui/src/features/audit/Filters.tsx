import { Button, Group, Select, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconFilterOff } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { keyOf, type Act, type AuditFilters } from "./filters";

/** Every kind of act that is written; a test compares it with the server's source. */
export const ACTS = [
  "sign in", "sign in refused", "join", "change password",
  "invite", "withdraw invitation", "change account", "end sessions", "export person", "add to group", "remove from group",
  "add key", "remove key",
  "add source", "change source", "pause source", "resume source", "remove source", "release hold", "erase document", "rotate keys",
  "add model", "change model", "remove model", "set model key", "remove model key", "choose model", "try model", "stop trial", "roll back model",
  "review feedback", "assign feedback", "build dataset", "export dataset", "verify dataset",
  "make candidate", "measure candidate", "promote candidate", "roll back release", "try candidate", "better on trial", "end trial of candidate", "model learned what is erased",
  "share conversation", "unshare conversation", "erase person", "retention",
] as const;

export function Filters({ filters }: { filters: AuditFilters }) {
  const { t } = useTranslation("audit");
  const navigate = useNavigate();
  const [typed, setTyped] = useState({ actor: filters.actor ?? "", object: filters.object ?? "" });
  const set = (said: AuditFilters) => void navigate({ to: "/admin/audit", search: Object.fromEntries(Object.entries({ ...filters, ...said }).filter(([, value]) => value)), replace: true });
  const seek = useDebouncedCallback((said: AuditFilters) => set(said), 300);
  const type = (name: "actor" | "object", said: string) => {
    setTyped({ ...typed, [name]: said });
    seek({ ...typed, [name]: said });
  };
  const clear = () => {
    setTyped({ actor: "", object: "" });
    void navigate({ to: "/admin/audit", search: {}, replace: true });
  };
  return (
    <Group gap="sm" align="flex-end" component="search">
      <TextInput label={t("who")} w={160} maxLength={200} value={typed.actor} onChange={(event) => type("actor", event.currentTarget.value)} />
      <Select label={t("what")} w={230} clearable searchable placeholder={t("any")} clearButtonProps={{ "aria-label": t("any") }} value={filters.act ?? null} onChange={(act) => set({ act: act ?? "" })} data={ACTS.map((value) => ({ value, label: t(`act.${keyOf(value) as Act}`) }))} />
      <TextInput label={t("object")} w={160} maxLength={200} value={typed.object} onChange={(event) => type("object", event.currentTarget.value)} />
      <Select label={t("outcome")} w={150} clearable placeholder={t("any")} clearButtonProps={{ "aria-label": t("any") }} value={filters.outcome ?? null} onChange={(said) => set({ outcome: (said ?? "") as never })} data={[{ value: "done", label: t("done") }, { value: "refused", label: t("refused") }]} />
      <TextInput type="date" label={t("since")} w={150} value={filters.since ?? ""} onChange={(event) => set({ since: event.currentTarget.value })} />
      <TextInput type="date" label={t("until")} w={150} value={filters.until ?? ""} onChange={(event) => set({ until: event.currentTarget.value })} />
      {Object.keys(filters).length ? <Button variant="subtle" leftSection={<IconFilterOff size={16} />} onClick={clear}>{t("clear")}</Button> : null}
    </Group>
  );
}
