import type { Turn } from "./types";

/** An answer for the clipboard, with what it cites below it. */
export function withCitations(turn: Turn): string {
  const sources = turn.citations.map((one) => {
    const page = one.page === null ? "" : `, p. ${one.page}`;
    return `[${one.n}] ${one.document}${page} (v${one.version}) – ${one.uri}`;
  });
  return [turn.answer ?? "", sources.join("\n")].filter(Boolean).join("\n\n");
}
