import type { Schemas } from "@/api/client";

export const STATES = ["raw", "accepted", "quarantined", "rejected"] as const satisfies readonly Schemas["ToReview"]["state"][];
export type State = (typeof STATES)[number];
export const KINDS = ["good", "bad", "corrected", "missing"] as const;
export const FLAGS = ["burst", "alike", "again", "against"] as const satisfies readonly Schemas["Flag"]["kind"][];
/** Verdicts that the server tells at once by their ids. */
const MOST = 100;
export type FlagKind = (typeof FLAGS)[number];
export type Kind = (typeof KINDS)[number];

/** What the inbox is narrowed to, as it stands in the address; without a state, what waits. */
export interface InboxSearch {
  state?: State | "any";
  only?: Kind;
  flag?: FlagKind;
  /** Only on one answer or passage that several people judged, by the name that the server gave it. */
  unit?: string;
  /** Only on one answer, by its id. */
  trace?: string;
  /** Only on answers to questions of one gap. */
  gap?: string;
  /** Only these, by their ids. */
  ids?: string[];
  /** Only what whoever looks is to review. */
  mine?: "1";
}

export function inboxOf(said: Record<string, unknown>): InboxSearch {
  const state = [...STATES, "any" as const].find((one) => one === said["state"]);
  const only = KINDS.find((one) => one === said["only"]);
  const flag = FLAGS.find((one) => one === said["flag"]);
  const unit = said["unit"];
  const named = (key: "trace" | "gap") => (typeof said[key] === "string" && said[key] !== "" ? { [key]: said[key].slice(0, 36) } : {});
  // One alone is no list in an address.
  const ids = [said["ids"]].flat().filter((one) => typeof one === "string").slice(0, MOST);
  const mine = String(said["mine"]) === "1" ? ({ mine: "1" } as const) : {};
  return { ...mine, ...(ids.length ? { ids } : {}), ...named("trace"), ...named("gap"), ...(typeof unit === "string" && unit !== "" ? { unit: unit.slice(0, 140) } : {}), ...(flag === undefined ? {} : { flag }), ...(state === undefined || state === "raw" ? {} : { state }), ...(only === undefined ? {} : { only }) };
}

/** The same for the server. */
export function queryOf({ state = "raw", only, flag, unit, trace, gap, ids, mine }: InboxSearch) {
  return {
    ...(flag === undefined ? {} : { flag }),
    ...(unit === undefined ? {} : { unit }),
    ...(trace === undefined ? {} : { trace }),
    ...(gap === undefined ? {} : { cluster: gap }),
    ...(ids === undefined ? {} : { id: ids }),
    ...(mine === undefined ? {} : { mine: true }),
    ...(state === "any" ? {} : { state }),
    ...(only === "good" || only === "bad" ? { good: only === "good" } : {}),
    ...(only === "corrected" ? { corrected: true } : {}),
    ...(only === "missing" ? { missing: true } : {}),
  };
}
