import type { Choice, Comparison } from "./queries";

export type Figure = Comparison["figures"][number];
export type Verdict = "better" | "worse" | "differs" | "same" | "unclear";

/** Whether more of a measure is better; of some, neither is. */
const MORE: Record<Figure["measure"], boolean | null> = {
  faults: false,
  abstained: null,
  support: true,
  ms_p50: false,
  ms_p95: false,
  tokens: null,
  cost: false,
  preferred: true,
  useful: true,
  cost_per_useful: false,
};

/** What a difference says of the challenger; `unclear` where there are too few answers to say anything. */
export function verdictOf({ measure, difference, low, high }: Pick<Figure, "measure" | "difference" | "low" | "high">): Verdict {
  if (difference === null || low === null || high === null) return "unclear";
  if (low <= 0 && high >= 0) return "same";
  const more = MORE[measure];
  if (more === null) return "differs";
  return low > 0 === more ? "better" : "worse";
}

export interface Reach {
  zero: number;
  from: number;
  to: number;
  at: number;
}

/** Where an interval lies on a line as long as 1 that has zero in its middle. */
export function reach({ difference, low, high }: Pick<Figure, "difference" | "low" | "high">): Reach | undefined {
  if (difference === null || low === null || high === null) return undefined;
  const most = Math.max(Math.abs(low), Math.abs(high));
  const place = (value: number) => (most === 0 ? 0.5 : 0.5 + (0.45 * value) / most);
  return { zero: 0.5, from: place(low), to: place(high), at: place(difference) };
}

/** What would answer after going back; null where there is nothing to go back to. Empty: what is configured. */
export function backTo(choices: readonly Choice[], known: readonly string[]): { ends: string } | { model: string } | null {
  const [last] = choices;
  if (!last) return null;
  if (last.trial) return { ends: last.trial.model };
  if (!last.model) return null;
  let before = choices.find((one) => one.id === last.before);
  while (before?.model && !known.includes(before.model)) {
    const { before: id } = before;
    before = choices.find((one) => one.id === id);
  }
  return { model: before?.model ?? "" };
}
