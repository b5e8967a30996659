import { sinceOf, spanOf, type SpanSearch } from "@/app/spans";

/** What the gaps are narrowed to, as it stands in the address. */
export interface GapsSearch extends SpanSearch {
  language?: string;
}

export function gapsOf(said: Record<string, unknown>): GapsSearch {
  const language = said["language"];
  return { ...spanOf(said), ...(typeof language === "string" && /^[A-Za-z-]{1,16}$/.test(language) ? { language } : {}) };
}

/** The same for the server. */
export function queryOf({ language, ...span }: GapsSearch, now = Date.now()) {
  return { ...sinceOf(span, now), ...(language === undefined ? {} : { language }) };
}
