import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";
import { secondOf, type Live } from "./live";
import type { Citation, Turn } from "./types";

/** The number of a turn; with this at its end it is the second of two answers. */
export type Place = number | string;
export const SECOND = "b";

/** Which citation's source stands beside the conversation. The address says it: `?source=2.1`. */
export function useSource(turns: readonly Turn[], live?: Live) {
  const navigate = useNavigate();
  const said = useSearch({ strict: false }).source;
  const [turn = "", n] = (said ?? "").split(".");
  const kept = turns.findLast((one) => one.n === parseInt(turn));
  const first: readonly Citation[] = kept?.citations ?? (said ? (live?.now.citations ?? []) : []);
  const citations = turn.endsWith(SECOND) ? (secondOf(kept ? kept.trace_id : live?.now.trace)?.now.citations ?? []) : first;
  const at = citations.findIndex((one) => one.n === Number(n));
  const go = useCallback(
    (source: string | undefined) => void navigate({ to: ".", search: (before: Record<string, unknown>) => ({ ...before, source }) as never, hash: true, replace: source === undefined || said !== undefined }),
    [navigate, said],
  );
  const open = useCallback((of: Place, number: number) => go(`${of}.${number}`), [go]);
  const close = useCallback(() => go(undefined), [go]);
  const step = (by: number) => {
    const next = citations[at + by];
    if (next && turn) open(turn, next.n);
  };
  return { citation: citations[at], count: { at, of: citations.length }, open, close, step };
}
