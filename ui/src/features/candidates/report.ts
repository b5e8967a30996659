import type { Schemas } from "@/api/client";

export type Interval = Schemas["Interval"];
export type Report = Schemas["GateReport"];

export const STRATA = ["repeat", "near_duplicate", "novel"] as const;
/** Conditions that are about the whole; the others name a source or a language. */
export const WHOLE = ["overall", "novel", "held_out", "latency", "cost", "answered", "support"] as const;
export type Whole = (typeof WHOLE)[number];

export const isWhole = (name: string): name is Whole => (WHOLE as readonly string[]).includes(name);

/** A difference with its sign, to three places. */
export const signed = (value: number) => `${value > 0 ? "+" : value < 0 ? "−" : "±"}${Math.abs(value).toFixed(3)}`;

/** How far the plot goes to either side of none: as far as anything in it, a little more. */
export function farthest(found: readonly Interval[]): number {
  return 1.1 * Math.max(0.01, ...found.flatMap(({ low, high }) => [Math.abs(low), Math.abs(high)]));
}

/** Where something stands between both ends of the plot, from 0 to 1. */
export const place = (value: number, far: number) => (value + far) / (2 * far);
