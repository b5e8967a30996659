import i18next from "i18next";
import type { Schemas } from "@/api/client";

export type Figure = Schemas["SideFigure"];
export type Says = "better" | "worse" | "holds" | "open" | "few" | "free";

export const SHARES = [5, 10, 20, 50] as const;

/** What a measure says for sure. Fewer abstentions are no merit of their own: they hold. */
export function says({ measure, champion, difference, holds }: Pick<Figure, "measure" | "champion" | "difference" | "holds">): Says {
  if (measure === "cost" && champion === 0) return "free";
  if (difference === null || difference === undefined) return "few";
  if (holds === null || holds === undefined) return "open";
  return holds ? (measure === "useful" ? "better" : "holds") : "worse";
}

export const COLOUR: Record<Says, string> = { better: "green", worse: "red", holds: "green", open: "gray", few: "gray", free: "gray" };

const formatted = (value: number, options: Intl.NumberFormatOptions) => new Intl.NumberFormat(i18next.language, options).format(value);

/** One side's value, in its own unit. */
export function valued(measure: Figure["measure"], value: number): string {
  if (measure === "latency") return formatted(value, { style: "unit", unit: "millisecond", unitDisplay: "short", maximumFractionDigits: 0 });
  if (measure === "cost") return formatted(value, { style: "currency", currency: "USD", maximumFractionDigits: 5 });
  return share(value);
}

export const share = (value: number) => formatted(value, { style: "percent", maximumFractionDigits: 1 });

/** A difference with its sign: points of a share, or a share of the time or money. */
export const differs = (value: number) => `${value > 0 ? "+" : value < 0 ? "\u2212" : "±"}${share(Math.abs(value))}`;
