import type { Schemas } from "@/api/client";
import type { Charted } from "./search";

type Daily = Schemas["Days"]["days"][number];

/** More lines than these nobody tells apart; the rest is added up. */
export const MOST = 6;
export const OTHERS = "\u0000others";

export interface Series {
  names: string[];
  /** One for each day from the first to the last; null where nothing was measured. */
  rows: { day: string; values: (number | null)[] }[];
  /** Whether there is anything to show at all. */
  any: boolean;
}

function valueOf(one: Daily, measure: Charted): number | null {
  if (measure === "ms") return one.pace.ms_p50 ?? null;
  if (measure === "tokens") return one.prompt_tokens + one.completion_tokens;
  // Quoting is no spending, and yet an answer.
  return measure === "answers" ? Math.max(one.answers, one.pace.timed) : one.cost;
}

export function daysBetween(since: string, until: string): string[] {
  const days: string[] = [];
  for (let at = Date.parse(since); at <= Date.parse(until); at += 86_400_000) days.push(new Date(at).toISOString().slice(0, 10));
  return days;
}

/** A line for each name, the largest first. Times are no sums, so the smallest of them are left out. */
export function seriesOf(found: Schemas["Days"], measure: Charted): Series {
  const sums = new Map<string, number>();
  const values = new Map<string, Map<string, number>>();
  for (const one of found.days) {
    const value = valueOf(one, measure);
    if (value === null || value === 0) continue;
    const weight = measure === "ms" ? one.pace.timed : value;
    sums.set(one.name, (sums.get(one.name) ?? 0) + weight);
    const of = values.get(one.day) ?? new Map<string, number>();
    of.set(one.name, value);
    values.set(one.day, of);
  }
  const ordered = [...sums].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([name]) => name);
  const shown = ordered.slice(0, MOST);
  const rest = measure === "ms" ? [] : ordered.slice(MOST);
  const nothing = measure === "ms" ? null : 0;
  const rows = daysBetween(found.since, found.until).map((day) => {
    const of = values.get(day);
    const lines = shown.map((name) => of?.get(name) ?? nothing);
    return { day, values: rest.length ? [...lines, rest.reduce((sum, name) => sum + (of?.get(name) ?? 0), 0)] : lines };
  });
  return { names: rest.length ? [...shown, OTHERS] : shown, rows, any: ordered.length > 0 };
}
