/** What a key does to the row that has the focus; keys do nothing elsewhere on the page. */
import type { KeyboardEvent } from "react";
import type { State } from "./search";

export type Does = { go: 1 | -1 } | { put: State } | "choose" | "mine";
const KEYS: Record<string, Does> = { ArrowDown: { go: 1 }, j: { go: 1 }, ArrowUp: { go: -1 }, k: { go: -1 }, x: "choose", a: { put: "accepted" }, s: { put: "quarantined" }, r: { put: "rejected" }, m: "mine" };

export function doneBy(event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey">): Does | undefined {
  return event.ctrlKey || event.metaKey || event.altKey ? undefined : KEYS[event.key];
}
