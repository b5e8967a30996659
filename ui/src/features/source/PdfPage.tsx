import { ActionIcon, Text } from "@mantine/core";
import { IconChevronLeft, IconChevronRight, IconZoomIn, IconZoomOut } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import * as pdfjs from "pdfjs-dist";
import worker from "pdfjs-dist/build/pdf.worker.min.mjs?url";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { headers, problemIn, type Schemas } from "@/api/client";
import { Problem } from "@/api/problem";
import { Trouble } from "@/app/Trouble";
import { Note } from "@/primitives/Note";
import { Wait } from "@/primitives/Wait";
import { placesOf } from "./marks";
import css from "./Source.module.css";

pdfjs.GlobalWorkerOptions.workerSrc = worker;
/** Pixels of the drawing for each of the sheet: sharp, and not more than that. */
const SHARP = Math.min(2, window.devicePixelRatio || 1);
const WIDTH = 900;

interface PdfPageProps {
  url: string;
  page: number;
  boxes: readonly Schemas["Box"][];
  /** The very words that are cited: marked where they stand, else the boxes are. */
  quote: string;
  title: string;
}

async function load(url: string): Promise<pdfjs.PDFDocumentProxy> {
  const response = await fetch(url, { headers: headers() });
  if (!response.ok) throw await problemIn(response);
  // Nothing in a document is run, and nothing is fetched for it.
  return pdfjs.getDocument({ data: await response.arrayBuffer(), isEvalSupported: false, useSystemFonts: true, useWasm: false, enableXfa: false }).promise;
}

/** A page of a PDF as it was printed, with boxes around what is cited. */
export default function PdfPage({ url, page: cited, boxes, quote, title }: PdfPageProps) {
  const { t } = useTranslation("source");
  const [page, setPage] = useState(cited);
  const [large, setLarge] = useState(false);
  const document = useQuery({ queryKey: ["pdf", url], queryFn: () => load(url), staleTime: Infinity, gcTime: 60_000, retry: false, structuralSharing: false });
  if (document.error) return <div className={css.trouble}>{!(document.error instanceof Problem) ? <Note title={t("undrawn")} detail={t("undrawnTell")} /> : <Trouble error={document.error} />}</div>;
  if (document.data === undefined) return <Wait />;
  const pages = document.data.numPages;
  return (
    <div className={css.pages}>
      <div className={css.bar}>
        {pages > 1 ? (
          <>
            <ActionIcon size="sm" aria-label={t("previousPage")} disabled={page <= 1} onClick={() => setPage(page - 1)}><IconChevronLeft size={16} /></ActionIcon>
            <Text size="xs" c="var(--soft)" className={css.count}>{t("ofPages", { page, pages })}</Text>
            <ActionIcon size="sm" aria-label={t("nextPage")} disabled={page >= pages} onClick={() => setPage(page + 1)}><IconChevronRight size={16} /></ActionIcon>
          </>
        ) : null}
        <ActionIcon size="sm" aria-label={t("larger")} aria-pressed={large} onClick={() => setLarge(!large)}>{large ? <IconZoomOut size={16} /> : <IconZoomIn size={16} />}</ActionIcon>
      </div>
      <Sheet key={page} document={document.data} page={Math.min(page, pages)} boxes={boxes} quote={quote} title={title} large={large} />
    </div>
  );
}

interface Placed {
  left: number;
  top: number;
  width: number;
  height: number;
}

function Sheet({ document, page, boxes, quote, title, large }: Omit<PdfPageProps, "url"> & { document: pdfjs.PDFDocumentProxy; large: boolean }) {
  const { t } = useTranslation("source");
  const canvas = useRef<HTMLCanvasElement>(null);
  const sheet = useRef<HTMLDivElement>(null);
  const [placed, setPlaced] = useState<{ exact: boolean; places: Placed[] } | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let task: pdfjs.RenderTask | undefined;
    let left = false;
    const draw = async () => {
      const found = await document.getPage(page);
      const natural = found.getViewport({ scale: 1 });
      const viewport = found.getViewport({ scale: (WIDTH / natural.width) * SHARP });
      const at = canvas.current;
      if (left || at === null) return;
      at.width = viewport.width;
      at.height = viewport.height;
      task = found.render({ canvas: at, viewport });
      const [said] = await Promise.all([found.getTextContent(), task.promise]);
      const here = boxes.filter((one) => one.page === page);
      const words = here.length ? placesOf(said.items.filter((one) => "str" in one), quote) : [];
      // In parts of the sheet, which is as wide as there is room.
      setPlaced({
        exact: words.length > 0,
        places: (words.length ? words : here).map((box) => {
          const [x0, y0, x1, y1] = viewport.convertToViewportRectangle([box.x0, box.y0, box.x1, box.y1]) as [number, number, number, number];
          return { left: Math.min(x0, x1) / viewport.width, top: Math.min(y0, y1) / viewport.height, width: Math.abs(x1 - x0) / viewport.width, height: Math.abs(y1 - y0) / viewport.height };
        }),
      });
    };
    draw().catch(() => {
      if (!left) setFailed(true);
    });
    return () => {
      left = true;
      task?.cancel();
    };
  }, [document, page, boxes, quote]);
  useEffect(() => {
    sheet.current?.querySelector("[data-cited]")?.scrollIntoView({ block: "center", inline: "center" });
  }, [placed, large]);
  const part = (share: number) => `${share * 100}%`;
  if (failed) return <div className={css.trouble}><Note title={t("undrawn")} detail={t("undrawnTell")} /></div>;
  return (
    <div className={css.sheet} ref={sheet} tabIndex={0} role="region" aria-label={t("drawn", { page, title })}>
      <div className={css.paper} data-large={large}>
        <canvas ref={canvas} role="img" aria-label={t("drawn", { page, title })} data-drawn={placed !== null} />
        {placed?.places.map((box, at) => <div key={at} className={placed.exact ? css.words : css.box} data-cited role="presentation" style={{ left: part(box.left), top: part(box.top), width: part(box.width), height: part(box.height) }} />)}
      </div>
    </div>
  );
}
