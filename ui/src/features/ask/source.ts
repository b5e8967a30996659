import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";
import type { Live } from "./live";
import type { Citation, Turn } from "./types";

/** Which citation's source stands beside the conversation. The address says it: `?source=2.1`. */
export function useSource(turns: readonly Turn[], live?: Live) {
  const navigate = useNavigate();
  const said = useSearch({ strict: false }).source;
  const [turn, n] = (said ?? "").split(".").map(Number);
  const kept = turns.find((one) => one.n === turn);
  const citations: readonly Citation[] = kept?.citations ?? (said ? (live?.now.citations ?? []) : []);
  const at = citations.findIndex((one) => one.n === n);
  const go = useCallback(
    (source: string | undefined) => void navigate({ to: ".", search: (before: Record<string, unknown>) => ({ ...before, source }) as never, hash: true, replace: source === undefined || said !== undefined }),
    [navigate, said],
  );
  const open = useCallback((of: number, number: number) => go(`${of}.${number}`), [go]);
  const close = useCallback(() => go(undefined), [go]);
  const step = (by: number) => {
    const next = citations[at + by];
    if (next && turn !== undefined) open(turn, next.n);
  };
  return { citation: citations[at], count: { at, of: citations.length }, open, close, step };
}
