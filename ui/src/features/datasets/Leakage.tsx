import { Badge, Button, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { counted } from "@/app/lasting";
import { useDomain } from "@/app/me";
import { Trouble } from "@/app/Trouble";
import { nameOf, SPLITS, type Dataset } from "./manifest";

/** Questions that ask much the same, and the split that all of their rows are in. */
export function Leakage({ one }: { one: Dataset }) {
  const { t } = useTranslation("datasets");
  const domain = useDomain();
  const [opened, open] = useState(false);
  const found = useQuery({
    queryKey: ["datasets", "clusters", domain, one.version],
    enabled: opened,
    queryFn: () => got(api.GET("/api/v1/datasets/{name}/clusters", { params: { path: { name: nameOf(one) }, query: { limit: 50, ...(domain === undefined ? {} : { domain }) } } })),
  });
  if (!opened) return <Group><Button size="xs" variant="default" onClick={() => open(true)}>{t("leak.open")}</Button></Group>;
  return (
    <Stack gap="xs" component="section" aria-label={t("leak.title")}>
      <Text size="sm" fw={600}>{t("leak.title")}</Text>
      {found.error ? <Trouble error={found.error} again={() => void found.refetch()} /> : null}
      {found.data ? (
        <>
          <Text size="sm" role="status" {...(found.data.leaks ? { c: "var(--mantine-color-red-text)", fw: 600 } : {})}>{found.data.leaks ? t("leak.leaks", { count: found.data.leaks }) : t("leak.clean", { count: found.data.count, n: counted(found.data.count) })}</Text>
          <Stack component="ul" gap={6} m={0} pl="md" mah={420} style={{ overflowY: "auto" }} tabIndex={0}>
            {found.data.shown.map(({ cluster, splits, questions }) => (
              <li key={cluster}>
                <Group gap={6}>{SPLITS.filter((split) => splits[split]).map((split) => <Badge key={split} variant="light" tt="none" color={Object.keys(splits).length > 1 ? "red" : "gray"}>{t(`split.${split}`)}: {splits[split]}</Badge>)}</Group>
                <Text size="sm" style={{ overflowWrap: "anywhere" }}>{questions.join(" · ")}</Text>
              </li>
            ))}
          </Stack>
        </>
      ) : null}
    </Stack>
  );
}
