import type { Schemas } from "@/api/client";

type Section = Schemas["ToldSection"];

/** The settings that hold what is sought in key or meaning; of these, those that somebody set. */
export function shown(sections: Section[], search: string, onlySet: boolean): Section[] {
  const sought = search.toLowerCase();
  return sections
    .map((section) => ({
      ...section,
      settings: section.settings.filter((one) => (!onlySet || one.origin !== "default") && `${one.key} ${one.about}`.toLowerCase().includes(sought)),
    }))
    .filter((section) => section.settings.length > 0);
}

/** A value as people read it. */
export function valueOf(value: unknown, words: { yes: string; no: string; empty: string }): string {
  if (value === true) return words.yes;
  if (value === false) return words.no;
  if (value === null || value === undefined || value === "") return words.empty;
  if (Array.isArray(value)) return value.length ? value.map((one) => valueOf(one, words)).join(", ") : words.empty;
  if (typeof value === "object") {
    const pairs = Object.entries(value).filter(([, one]) => one !== null && one !== "" && !(Array.isArray(one) && one.length === 0));
    return pairs.length ? pairs.map(([key, one]) => `${key} = ${valueOf(one, words)}`).join(", ") : words.empty;
  }
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}
