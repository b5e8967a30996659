import { Button } from "@mantine/core";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import css from "./Source.module.css";
import { citedRows, cut, type Piece } from "./window";

interface DocumentTextProps {
  view: Schemas["View"];
  span: readonly [number, number];
  onMore: (() => void) | undefined;
}

/** A part of a document as it is built, with the cited passage marked and in sight. */
export function DocumentText({ view, span, onMore }: DocumentTextProps) {
  const { t } = useTranslation("source");
  const place = useRef<HTMLDivElement>(null);
  const [from, to] = span;
  useEffect(() => {
    place.current?.querySelector("[data-cited]")?.scrollIntoView({ block: "center" });
  }, [view, from, to]);
  return (
    <div className={css.text} ref={place} tabIndex={0} role="region" aria-label={view.title} dir="auto">
      {view.start > 0 && onMore ? <Button size="compact-xs" variant="subtle" onClick={onMore}>{t("earlier")}</Button> : null}
      {view.pieces.map((piece) => <Shown key={piece.start} piece={piece} span={span} />)}
      {view.end < view.length && onMore ? <Button size="compact-xs" variant="subtle" onClick={onMore}>{t("later")}</Button> : null}
    </div>
  );
}

function Shown({ piece, span }: { piece: Piece; span: readonly [number, number] }) {
  if (piece.kind === "table" && piece.cells.length > 1) return <Table piece={piece} span={span} />;
  const { before, cited, after } = cut(piece, span);
  const text = (
    <>
      {before}
      {cited ? <mark data-cited className={css.cited}>{cited}</mark> : null}
      {after}
    </>
  );
  if (piece.kind === "heading") return <h3 className={css.heading} data-level={Math.min(piece.level || 1, 4)}>{text}</h3>;
  return piece.kind === "code" ? <pre tabIndex={0}>{text}</pre> : <p>{text}</p>;
}

function Table({ piece, span }: { piece: Piece; span: readonly [number, number] }) {
  const { t } = useTranslation("source");
  const rows = citedRows(piece, span);
  const [header = [], ...body] = piece.cells;
  return (
    <div className={css.scroll} tabIndex={0} role="region" aria-label={t("table")}>
      <table>
        <thead><tr>{header.map((cell, at) => <th key={at} scope="col">{cell}</th>)}</tr></thead>
        <tbody>
          {body.map((row, at) => (
            <tr key={at} {...(rows.has(at) ? { "data-cited": true, className: css.cited } : {})}>{row.map((cell, to) => <td key={to}>{cell}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
