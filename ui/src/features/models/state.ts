import i18next from "i18next";
import type { Model } from "./queries";

export type ModelState = "broken" | "rests" | "failed" | "fine" | "unchecked";

/** How a model is, in a word: what keeps it from answering comes first. */
export function stateOf({ problem, breaker, checked }: Pick<Model, "problem" | "breaker" | "checked">): ModelState {
  if (problem) return "broken";
  if (breaker === "opened") return "rests";
  if (!checked) return "unchecked";
  return checked.ok ? "fine" : "failed";
}

export const COLOUR: Record<ModelState, string> = { broken: "red", rests: "orange", failed: "red", fine: "green", unchecked: "gray" };

/** US dollars; small sums keep two digits that say something. */
export function usd(value: number): string {
  const digits = value === 0 || value >= 1 ? 2 : Math.min(6, 1 - Math.floor(Math.log10(value)));
  return new Intl.NumberFormat(i18next.language, { style: "currency", currency: "USD", minimumFractionDigits: 2, maximumFractionDigits: Math.max(2, digits) }).format(value);
}

export function percent(share: number, digits = 0): string {
  return new Intl.NumberFormat(i18next.language, { style: "percent", maximumFractionDigits: digits }).format(share);
}

/** Milliseconds as people say them. */
export function span(ms: number): string {
  const whole = ms >= 1_000;
  return new Intl.NumberFormat(i18next.language, { style: "unit", unit: whole ? "second" : "millisecond", unitDisplay: "short", maximumFractionDigits: whole && ms < 10_000 ? 1 : 0 }).format(whole ? ms / 1_000 : ms);
}

/** What went wrong, of the codes that have words of their own. */
const CODES = ["model_unreachable", "model_refused", "model_keyless", "model_busy", "model_broken", "model_timeout", "model_cut", "model_unfinished", "model_garbled", "model_empty"] as const;

export function failure(code: string): (typeof CODES)[number] | "other" {
  return CODES.find((known) => known === code) ?? "other";
}
