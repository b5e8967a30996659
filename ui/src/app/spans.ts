/** How many days back a page of the data team looks; a year is 365. */
export const SPANS = ["30", "90", "365", "all"] as const;
export type Span = (typeof SPANS)[number];
const DAY_MS = 86_400_000;

/** As it stands in the address; without a span, the last 90 days. */
export interface SpanSearch {
  days?: Exclude<Span, "90">;
}

export function spanOf(said: Record<string, unknown>): SpanSearch {
  const asked = typeof said["days"] === "number" ? String(said["days"]) : said["days"];
  const days = SPANS.find((one) => one === asked);
  return days === undefined || days === "90" ? {} : { days };
}

/** The same for the server: whole days, so that every page of a list begins at the same moment. */
export function sinceOf({ days }: SpanSearch, now = Date.now()): { since?: string } {
  const begun = Math.floor(now / DAY_MS) * DAY_MS;
  return days === "all" ? {} : { since: new Date(begun - Number(days ?? 90) * DAY_MS).toISOString() };
}
