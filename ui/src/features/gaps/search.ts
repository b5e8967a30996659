import { sinceOf, spanOf, type SpanSearch } from "@/app/spans";

/** What the gaps are narrowed to, as it stands in the address. */
export interface GapsSearch extends SpanSearch {
  language?: string;
  /** Only the questions of one gap. */
  gap?: string;
}

export function gapsOf(said: Record<string, unknown>): GapsSearch {
  const language = said["language"];
  const gap = said["gap"];
  return { ...spanOf(said), ...(typeof gap === "string" && gap !== "" ? { gap: gap.slice(0, 36) } : {}), ...(typeof language === "string" && /^[A-Za-z-]{1,16}$/.test(language) ? { language } : {}) };
}

/** The same for the server. */
export function queryOf({ language, days }: GapsSearch, now = Date.now()) {
  return { ...sinceOf(days === undefined ? {} : { days }, now), ...(language === undefined ? {} : { language }) };
}
