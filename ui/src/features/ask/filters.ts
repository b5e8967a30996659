import type { Schemas } from "@/api/client";

export type FileKind = Schemas["FileKind"];

/** In the order in which they are offered. */
export const FILE_KINDS = Object.keys({
  pdf: 1, word: 1, spreadsheet: 1, slides: 1, web: 1, mail: 1, text: 1, image: 1, book: 1, data: 1, other: 1,
} satisfies Record<FileKind, 1>) as FileKind[];

/** Where to look, as the address says it. */
export interface Filters {
  /** Names of sources. */
  in?: string[];
  /** Kinds of files. */
  files?: FileKind[];
  /** Days: changed from then on, and until then. */
  since?: string;
  until?: string;
  kind?: "table";
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const DAY_S = 86_400;

export function filtersOf(search: Record<string, unknown>): Filters {
  const day = (key: "since" | "until") => {
    const said = search[key];
    return typeof said === "string" && DAY.test(said) && !Number.isNaN(Date.parse(said)) ? { [key]: said } : {};
  };
  const { in: named, kind } = search;
  const sources = [named].flat().filter((one): one is string => typeof one === "string" && one !== "").slice(0, 50);
  const said = [search["files"]].flat();
  const files = FILE_KINDS.filter((one) => said.includes(one));
  return { ...(sources.length ? { in: sources } : {}), ...(files.length ? { files } : {}), ...day("since"), ...day("until"), ...(kind === "table" ? { kind } : {}) };
}

export function countOf(filters: Filters): number {
  return Number(Boolean(filters.in)) + Number(Boolean(filters.files)) + Number(Boolean(filters.since ?? filters.until)) + Number(Boolean(filters.kind));
}

/** In the words of the API; null where nothing is asked of the passages. */
export function filterOf({ in: sources, files, since, until, kind }: Filters): Schemas["AskRequest"]["filter"] {
  const of: NonNullable<Schemas["And"]["of"]> = [];
  if (sources?.length) of.push({ op: "match", field: "source", any_of: sources });
  if (files?.length) of.push({ op: "match", field: "file_kind", any_of: files });
  if (since ?? until)
    of.push({
      op: "range",
      field: "modified_at",
      gte: since ? Date.parse(since) / 1_000 : null,
      // That day is meant to its end.
      lte: until ? Date.parse(until) / 1_000 + DAY_S - 1 : null,
    });
  if (kind) of.push({ op: "match", field: "kind", any_of: [kind] });
  return of.length ? { op: "and", of } : null;
}
