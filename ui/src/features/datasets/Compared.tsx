import { Badge, Button, Group, Select, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { counted } from "@/app/lasting";
import { useDomain } from "@/app/me";
import { Trouble } from "@/app/Trouble";
import { nameOf, type Dataset } from "./manifest";

const KINDS = ["kept", "added", "removed", "changed", "moved"] as const;

/** What became of the rows since another version, and why. */
export function Compared({ one, others }: { one: Dataset; others: Dataset[] }) {
  const { t } = useTranslation(["datasets", "app"]);
  const domain = useDomain();
  const [before, choose] = useState<string | null>(null);
  const found = useQuery({
    queryKey: ["datasets", "changes", domain, one.version, before],
    enabled: before !== null,
    queryFn: () => got(api.GET("/api/v1/datasets/{name}/changes", { params: { path: { name: nameOf(one) }, query: { before: before ?? "", ...(domain === undefined ? {} : { domain }) } } })),
  });
  if (others.length === 0) return null;
  return (
    <Stack gap="xs" component="section" aria-label={t("diff.title")}>
      <Text size="sm" fw={600}>{t("diff.title")}</Text>
      <Select label={t("diff.with")} w={260} value={before} onChange={choose} placeholder={t("diff.choose")} data={others.map(nameOf)} />
      {found.error ? <Trouble error={found.error} again={() => void found.refetch()} /> : null}
      {found.data ? (
        <>
          <Group gap="xs">{KINDS.filter((kind) => found.data.counts[kind]).map((kind) => <Badge key={kind} variant="light" tt="none" color={kind === "removed" ? "red" : kind === "kept" ? "gray" : "blue"}>{t(`diff.kind.${kind}`)}: {counted(found.data.counts[kind] ?? 0)}</Badge>)}</Group>
          {found.data.filter.length ? <Text size="sm">{t("diff.filter", { names: found.data.filter.join(", ") })}</Text> : null}
          {found.data.changes.length === 0 ? <Text size="sm">{t("diff.none")}</Text> : null}
          <Stack component="ul" gap={4} m={0} pl="md" mah={420} style={{ overflowY: "auto" }} tabIndex={0}>
            {found.data.changes.map((row) => (
              <Text component="li" size="sm" key={`${row.kind} ${row.task} ${row.row}`} style={{ overflowWrap: "anywhere" }}>
                <b>{t(`diff.kind.${row.kind}`)}</b> ({t(`task.${row.task}`)}, {t(`split.${row.split}`)}): {row.question} — {t(`diff.why.${row.why}`)}. <Button component={Link} to="/data/feedback" search={{ state: "any", trace: row.trace } as never} variant="transparent" size="compact-xs" p={0}>{t("diff.open")}</Button>
              </Text>
            ))}
          </Stack>
        </>
      ) : null}
    </Stack>
  );
}
