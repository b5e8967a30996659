import type en from "./en.json";

/** What the log is narrowed to, as it stands in the address. */
export interface AuditFilters {
  actor?: string;
  act?: string;
  object?: string;
  /** Days, the last one included. */
  since?: string;
  until?: string;
  outcome?: "done" | "refused";
}
export type Act = keyof (typeof en)["act"];

/** A kind of act by the key of its words: `add key` is `add-key`. */
export const keyOf = (act: string) => act.replaceAll(" ", "-");

const DAY = /^\d{4}-\d{2}-\d{2}$/;

export function auditFiltersOf(said: Record<string, unknown>): AuditFilters {
  const text = (name: string) => {
    const value = said[name];
    return typeof value === "string" && value !== "" ? value.slice(0, 200) : undefined;
  };
  const day = (name: string) => {
    const value = text(name);
    return value !== undefined && DAY.test(value) && !Number.isNaN(Date.parse(value)) ? value : undefined;
  };
  const outcome = text("outcome");
  const found = { actor: text("actor"), act: text("act"), object: text("object"), since: day("since"), until: day("until"), outcome: outcome === "done" || outcome === "refused" ? outcome : undefined };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

/** The same for the server: days are those of whoever looks. */
export function queryOf({ since, until, outcome, ...rest }: AuditFilters) {
  const end = until === undefined ? undefined : new Date(`${until}T00:00:00`);
  end?.setDate(end.getDate() + 1);
  return {
    ...rest,
    ...(since === undefined ? {} : { since: new Date(`${since}T00:00:00`).toISOString() }),
    ...(end === undefined ? {} : { until: end.toISOString() }),
    ...(outcome === undefined ? {} : { refused: outcome === "refused" }),
  };
}
