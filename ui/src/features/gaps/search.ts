/** For how many days back; a year is 365. */
export const SPANS = ["30", "90", "365", "all"] as const;
export type Span = (typeof SPANS)[number];
const DAY_MS = 86_400_000;

/** What the gaps are narrowed to, as it stands in the address; without a span, the last 90 days. */
export interface GapsSearch {
  days?: Exclude<Span, "90">;
  language?: string;
}

export function gapsOf(said: Record<string, unknown>): GapsSearch {
  const asked = typeof said["days"] === "number" ? String(said["days"]) : said["days"];
  const days = SPANS.find((one) => one === asked);
  const language = said["language"];
  return {
    ...(days === undefined || days === "90" ? {} : { days }),
    ...(typeof language === "string" && /^[A-Za-z-]{1,16}$/.test(language) ? { language } : {}),
  };
}

/** The same for the server: whole days, so that every page of a list begins at the same moment. */
export function queryOf({ days, language }: GapsSearch, now = Date.now()) {
  const begun = Math.floor(now / DAY_MS) * DAY_MS;
  return {
    ...(days === "all" ? {} : { since: new Date(begun - Number(days ?? 90) * DAY_MS).toISOString() }),
    ...(language === undefined ? {} : { language }),
  };
}
