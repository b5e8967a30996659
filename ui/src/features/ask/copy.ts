import type { Turn } from "./types";

/** An answer for the clipboard, with what it cites below it. */
export function withCitations(turn: Turn): string {
  const sources = turn.citations.map((one) => {
    const page = one.page === null ? "" : `, p. ${one.page}`;
    return `[${one.n}] ${one.document}${page} (v${one.version}) – ${one.uri}`;
  });
  return [turn.answer ?? "", sources.join("\n")].filter(Boolean).join("\n\n");
}

/** Pages that are not reached safely have no clipboard; there a field that is copied from helps. */
export async function toClipboard(text: string): Promise<void> {
  if (isSecureContext) return navigator.clipboard.writeText(text);
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  document.execCommand("copy");
  field.remove();
}
