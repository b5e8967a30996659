import { ActionIcon, Button, Group, SegmentedControl, Text, Title, Tooltip } from "@mantine/core";
import { IconChevronLeft, IconChevronRight, IconDownload, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { addressed, api, got, type Schemas } from "@/api/client";
import { Trouble } from "@/app/Trouble";
import { day } from "@/app/when";
import { Wait } from "@/primitives/Wait";
import { DocumentText } from "./DocumentText";
import css from "./Source.module.css";
import type { SourceProps } from "./SourceBeside";
import { PdfPage } from ".";

const SIZE = 12_000;

/** One source: what it is and of when, and the cited place in it, as a page or as text. */
export function SourcePanel({ citation, count, onStep, onClose }: SourceProps & { citation: Schemas["Citation"] }) {
  const { t } = useTranslation("source");
  const [way, setWay] = useState<"page" | "text">("page");
  const [size, setSize] = useState(SIZE);
  const [from, to] = citation.span as [number, number];
  const at = Math.floor((from + to) / 2);
  const path = { document_id: citation.document_id, version: citation.version };
  const view = useQuery({
    queryKey: ["view", path, at, size],
    queryFn: () => got(api.GET("/api/v1/documents/{document_id}/versions/{version}/view", { params: { path, query: { at, size } } })),
    staleTime: Infinity,
    placeholderData: (before) => before,
  });
  const about = view.data;
  const pdf = about?.media_type === "application/pdf" && typeof citation.page === "number";
  const original = addressed(`/api/v1/documents/${encodeURIComponent(path.document_id)}/versions/${path.version}/original`);
  return (
    <div className={css.panel}>
      <header className={css.head}>
        <Group justify="space-between" wrap="nowrap" align="flex-start" gap="xs">
          <Title order={2} size="h5" lineClamp={3} className={css.title}><bdi>{citation.document}</bdi></Title>
          <Group gap={2} wrap="nowrap">
            {count.of > 1 ? (
              <>
                <ActionIcon aria-label={t("before")} disabled={count.at <= 0} onClick={() => onStep(-1)}><IconChevronLeft size={18} /></ActionIcon>
                <Text size="xs" c="var(--soft)" className={css.count}>{t("of", { at: count.at + 1, of: count.of })}</Text>
                <ActionIcon aria-label={t("after")} disabled={count.at >= count.of - 1} onClick={() => onStep(1)}><IconChevronRight size={18} /></ActionIcon>
              </>
            ) : null}
            <ActionIcon aria-label={t("close")} onClick={onClose} data-autofocus><IconX size={18} /></ActionIcon>
          </Group>
        </Group>
        <Text size="xs" c="var(--soft)" className={css.title} title={citation.uri}>
          {[
            t("version", { version: citation.version }),
            typeof citation.page === "number" ? t("pageN", { page: citation.page }) : "",
            about?.modified_at ? t("modified", { day: day(about.modified_at) }) : about ? t("read", { day: day(about.read_at) }) : "",
            about?.source ?? "",
          ].filter(Boolean).join(" · ")}
        </Text>
        {about && about.newest !== about.version ? <Text size="xs" className={css.old}>{about.newest === null ? t("gone") : t("newer")}</Text> : null}
        <Group gap="xs">
          {pdf ? <SegmentedControl size="xs" value={way} onChange={setWay} data={[{ value: "page", label: t("page") }, { value: "text", label: t("text") }]} /> : null}
          {about ? (
            <Tooltip label={t("downloadTell")}>
              <Button component="a" href={original} download size="xs" variant="default" leftSection={<IconDownload size={14} />}>{t("download")}</Button>
            </Tooltip>
          ) : null}
        </Group>
      </header>
      {view.error ? <div className={css.trouble}><Trouble error={view.error} again={() => void view.refetch()} /></div> : null}
      {view.isPending ? <Wait /> : null}
      {about && pdf && way === "page" ? (
        <Suspense fallback={<Wait />}>
          <PdfPage key={citation.page} url={original} page={citation.page ?? 1} boxes={citation.boxes} quote={citation.quote} title={citation.document} />
        </Suspense>
      ) : null}
      {about && !(pdf && way === "page") ? <DocumentText view={about} span={[from, to]} onMore={about.length > about.end - about.start && size < 100_000 ? () => setSize(Math.min(100_000, size * 3)) : undefined} /> : null}
    </div>
  );
}
