export const SHOWN = ["list", "answering", "costs", "add"] as const;
export const SPANS = [7, 30, 90, 365] as const;
export const SPLITS = ["model", "domain"] as const;
export const MEASURES = ["cost", "answers", "tokens", "ms"] as const;

export type Split = (typeof SPLITS)[number];
export type Charted = (typeof MEASURES)[number];

/** What the address says: which part of the page, and of what time the costs are. */
export interface ModelsSearch {
  show?: (typeof SHOWN)[number];
  days?: (typeof SPANS)[number];
  by?: Split;
  measure?: Charted;
  /** Costs of this domain only, where those of all may be seen. */
  here?: boolean;
}

function one<T>(said: unknown, of: readonly T[]): T | undefined {
  return of.find((known) => known === said);
}

export function modelsSearch(said: Record<string, unknown>): ModelsSearch {
  const found = {
    show: one(said["show"], SHOWN),
    days: one(said["days"], SPANS),
    by: one(said["by"], SPLITS),
    measure: one(said["measure"], MEASURES),
    here: said["here"] === true ? true : undefined,
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}
