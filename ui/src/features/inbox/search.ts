import type { Schemas } from "@/api/client";

export const STATES = ["raw", "accepted", "quarantined", "rejected"] as const satisfies readonly Schemas["ToReview"]["state"][];
export type State = (typeof STATES)[number];
export const KINDS = ["good", "bad", "corrected", "missing"] as const;
export const FLAGS = ["burst", "alike", "again", "against"] as const satisfies readonly Schemas["Flag"]["kind"][];
export type FlagKind = (typeof FLAGS)[number];
export type Kind = (typeof KINDS)[number];

/** What the inbox is narrowed to, as it stands in the address; without a state, what waits. */
export interface InboxSearch {
  state?: State | "any";
  only?: Kind;
  flag?: FlagKind;
}

export function inboxOf(said: Record<string, unknown>): InboxSearch {
  const state = [...STATES, "any" as const].find((one) => one === said["state"]);
  const only = KINDS.find((one) => one === said["only"]);
  const flag = FLAGS.find((one) => one === said["flag"]);
  return { ...(flag === undefined ? {} : { flag }), ...(state === undefined || state === "raw" ? {} : { state }), ...(only === undefined ? {} : { only }) };
}

/** The same for the server. */
export function queryOf({ state = "raw", only, flag }: InboxSearch) {
  return {
    ...(flag === undefined ? {} : { flag }),
    ...(state === "any" ? {} : { state }),
    ...(only === "good" || only === "bad" ? { good: only === "good" } : {}),
    ...(only === "corrected" ? { corrected: true } : {}),
    ...(only === "missing" ? { missing: true } : {}),
  };
}
