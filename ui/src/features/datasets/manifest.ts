import type { Schemas } from "@/api/client";
import type en from "./en.json";

export type Dataset = Schemas["Dataset"];
export type TaskName = keyof (typeof en)["task"];
export type FieldName = keyof (typeof en)["redaction"]["field"];
export type Why = keyof (typeof en)["leftOut"];
export const SPLITS = ["train", "validation", "test"] as const;

interface Told {
  rows: Partial<Record<TaskName, Partial<Record<(typeof SPLITS)[number], number>>>>;
  omitted: Record<string, Partial<Record<Why, number>>>;
  answers?: number;
  agreement?: number | null;
  people?: { count: number; mostly_against_others: number };
  withdrawn?: number;
  redaction?: { rev: string; rows: number; replaced: Record<string, Record<string, { values: number; rows: number; by: Record<string, number> }>> };
}

const told = (one: Dataset) => one.manifest as unknown as Told;

/** How many rows there are of each task, by split. */
export function counted(one: Dataset) {
  return (Object.entries(told(one).rows) as [TaskName, Partial<Record<(typeof SPLITS)[number], number>>][]).map(([task, splits]) => ({
    task,
    splits: SPLITS.map((split) => splits[split] ?? 0),
    all: SPLITS.reduce((sum, split) => sum + (splits[split] ?? 0), 0),
  }));
}

export const rowsOf = (one: Dataset) => counted(one).reduce((sum, { all }) => sum + all, 0);

/** What was left out: the most first. `any` is of no task in particular. */
export function leftOut(one: Dataset) {
  return Object.entries(told(one).omitted)
    .flatMap(([task, reasons]) => (Object.entries(reasons) as [Why, number][]).map(([why, count]) => ({ task: task === "any" ? null : (task as TaskName), why, count })))
    .sort((a, b) => b.count - a.count);
}

export const peopleOf = (one: Dataset) => told(one).people ?? { count: 0, mostly_against_others: 0 };
export const agreementOf = (one: Dataset) => told(one).agreement ?? null;
/** Rows that were in a version before this one and had to go: erased since, or not readable any more. */
export const takenOut = (one: Dataset) => told(one).withdrawn ?? 0;
export const nameOf = (one: Dataset) => `${one.name}@${String(one.number)}`;

/** What was replaced, the most first; null where nothing was to be. */
export function replacedIn(one: Dataset) {
  const redaction = told(one).redaction;
  if (!redaction?.rev) return null;
  const each = Object.entries(redaction.replaced)
    .flatMap(([field, kinds]) => Object.entries(kinds).map(([kind, { values, rows, by }]) => ({ field: field as FieldName, kind, values, rows, by: Object.keys(by).join(", ") })))
    .sort((a, b) => b.values - a.values || a.kind.localeCompare(b.kind));
  return { rev: redaction.rev, rows: redaction.rows, each };
}
