import { Code, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { counted } from "@/app/lasting";
import { useDomain } from "@/app/me";
import { Trouble } from "@/app/Trouble";
import css from "./datasets.module.css";
import { nameOf, type Dataset, type TaskName } from "./manifest";

/** How a version begins in a format, exactly as its files will, and what that format leaves out. */
export function Beginning({ one, format }: { one: Dataset; format: string }) {
  const { t } = useTranslation(["datasets", "app"]);
  const domain = useDomain();
  const found = useQuery({
    queryKey: ["datasets", "preview", domain, one.version, format],
    queryFn: () => got(api.GET("/api/v1/datasets/{name}/preview", { params: { path: { name: nameOf(one) }, query: { format, limit: 2, ...(domain === undefined ? {} : { domain }) } } })),
    staleTime: Infinity,
  });
  if (found.error) return <Trouble error={found.error} again={() => void found.refetch()} />;
  if (found.isPending) return <Text role="status" size="sm" c="var(--soft)">{t("app:loading")}</Text>;
  const left = Object.entries(found.data.rows).flatMap(([task, splits]) => Object.entries(splits).flatMap(([split, kept]) => Object.entries(kept.left_out).map(([why, count]) => ({ task: task as TaskName, split, why, count }))));
  return (
    <Stack gap="xs" component="section" aria-label={t("begin.title")}>
      {left.length ? (
        <Stack component="ul" gap={2} m={0} pl="md" aria-label={t("begin.left")}>{left.map(({ task, split, why, count }) => <Text component="li" size="sm" key={`${task} ${split} ${why}`}>{t("begin.without", { count, n: counted(count), why })} ({t(`task.${task}`)})</Text>)}</Stack>
      ) : <Text size="sm">{t(found.data.files.length ? "begin.all" : "begin.nothing")}</Text>}
      {found.data.files.map((file) => (
        <Stack key={file.path} gap={4}>
          <Text size="xs" c="var(--soft)">{t("begin.file", { path: file.path, count: file.rows, n: counted(file.rows) })}</Text>
          {file.lines.length ? <Code block className={css.begin ?? ""} tabIndex={0}>{file.lines.join("\n")}{file.cut ? " …" : ""}</Code> : <Text size="sm">{t("begin.binary")}</Text>}
        </Stack>
      ))}
    </Stack>
  );
}
