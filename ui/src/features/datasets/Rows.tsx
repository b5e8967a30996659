import { Button, Code, Group, Select, Stack, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { Trouble } from "@/app/Trouble";
import { useDomain } from "@/app/me";
import css from "./datasets.module.css";
import { counted, nameOf, SPLITS, type Dataset, type TaskName } from "./manifest";
import type { Origin } from "./origin";
import { Why } from "./Why";

/** Rows of a version exactly as they are written, each with why it is there. */
export function Rows({ one }: { one: Dataset }) {
  const { t } = useTranslation(["datasets", "app"]);
  const domain = useDomain();
  const tasks = counted(one).map(({ task }) => task);
  const [task, ofTask] = useState<TaskName | undefined>(tasks[0]);
  // The first that has any.
  const [split, ofSplit] = useState<(typeof SPLITS)[number]>(SPLITS.find((_, n) => counted(one)[0]?.splits[n]) ?? "train");
  const [opened, open] = useState(false);
  const found = useInfiniteQuery({
    queryKey: ["datasets", "rows", domain, one.version, task, split],
    enabled: opened && task !== undefined,
    initialPageParam: "",
    queryFn: ({ pageParam: cursor }) => got(api.GET("/api/v1/datasets/{name}/rows", { params: { path: { name: nameOf(one) }, query: { task: task ?? "label", split, limit: 5, cursor, ...(domain === undefined ? {} : { domain }) } } })),
    getNextPageParam: (page) => page.next ?? undefined,
  });
  const all = found.data?.pages.flatMap((page) => page.rows) ?? [];
  if (!opened) return <Group><Button size="xs" variant="default" onClick={() => open(true)}>{t("look.open")}</Button></Group>;
  return (
    <Stack gap="sm">
      <Group gap="sm">
        <Select label={t("of")} w={220} allowDeselect={false} value={task ?? null} onChange={(said) => ofTask(tasks.find((each) => each === said))} data={tasks.map((value) => ({ value, label: t(`task.${value}`) }))} />
        <Select label={t("look.split")} w={160} allowDeselect={false} value={split} onChange={(said) => ofSplit(SPLITS.find((each) => each === said) ?? "train")} data={SPLITS.map((value) => ({ value, label: t(`split.${value}`) }))} />
      </Group>
      {found.error ? <Trouble error={found.error} again={() => void found.refetch()} /> : null}
      {found.isSuccess && all.length === 0 ? <Text size="sm">{t("look.none")}</Text> : null}
      <Stack component="ol" gap="sm" m={0} p={0} className={css.rows ?? ""} aria-label={t("look.title")}>
        {all.map((row) => (
          <li key={row.row} className={css.row}>
            <Code block className={css.line ?? ""}>{row.line}</Code>
            <Opening title={t("look.why")}>
              <Why origin={row.provenance as unknown as Origin} license={one.spec.license} />
            </Opening>
          </li>
        ))}
      </Stack>
      {found.hasNextPage ? <Group><Button size="xs" variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>{t("app:action.more")}</Button></Group> : null}
    </Stack>
  );
}

/** What is asked for when it is opened, and not before. */
function Opening({ title, children }: { title: string; children: ReactNode }) {
  const [opened, open] = useState(false);
  return (
    <details onToggle={(event) => open(event.currentTarget.open)}>
      <summary>{title}</summary>
      {opened ? children : null}
    </details>
  );
}
