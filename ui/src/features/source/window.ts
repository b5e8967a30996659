/** Which part of each piece of a document is cited. The server counts characters, we UTF-16 units. */
import type { Schemas } from "@/api/client";

export type Piece = Schemas["Piece"];

export interface Cut {
  before: string;
  cited: string;
  after: string;
}

/** The text of a piece around what of it lies within the span; nothing cited leaves `cited` empty. */
export function cut(piece: Pick<Piece, "start" | "text">, [from, to]: readonly [number, number]): Cut {
  const signs = Array.from(piece.text);
  const since = Math.min(signs.length, Math.max(0, from - piece.start));
  const until = Math.max(since, Math.min(signs.length, to - piece.start));
  if (since === until) return { before: piece.text, cited: "", after: "" };
  const text = (start: number, end?: number) => signs.slice(start, end).join("");
  return { before: text(0, since), cited: text(since, until), after: text(until) };
}

/** The rows of a table's body that the span touches: each is one line of its text. */
export function citedRows(piece: Pick<Piece, "start" | "text">, span: readonly [number, number]): Set<number> {
  const rows = new Set<number>();
  let start = piece.start;
  for (const [row, line] of piece.text.split("\n").entries()) {
    const end = start + Array.from(line).length;
    if (start < span[1] && end > span[0]) rows.add(row);
    start = end + 1;
  }
  return rows;
}
