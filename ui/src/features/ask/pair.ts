/** Choices between two answers. The server keeps them; that one was made here, this page knows. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { api, got } from "@/api/client";
import { decided, offer, type Live } from "./live";
import type { Talk } from "./talks";

export type Side = "first" | "second" | "equal";

/** Whether the first answer stands on the left: as it falls, and always the same for it. */
export function firstIsLeft(trace: string): boolean {
  return parseInt(trace.slice(-1), 16) % 2 === 0;
}

interface Choice {
  first: string;
  second: Live;
  side: Side;
  feedback: string;
}

/** By the trace of the answer that stayed. */
const choices = new Map<string, Choice>();
const watching = new Set<() => void>();
const listen = (tell: () => void) => {
  watching.add(tell);
  return () => watching.delete(tell);
};

export function useChoice(trace: string): Choice | undefined {
  return useSyncExternalStore(listen, () => choices.get(trace));
}

function note(trace: string, choice: Choice | null): void {
  if (choice) choices.set(trace, choice);
  else choices.delete(trace);
  watching.forEach((tell) => tell());
}

const VALUES = { first: 1, second: -1, equal: 0 } as const;

function useKeep(n: number) {
  const client = useQueryClient();
  return async (conversation: string, trace: string) => {
    const path = { conversation_id: conversation, n };
    const kept = await got(api.PUT("/api/v1/conversations/{conversation_id}/turns/{n}", { params: { path }, body: { trace_id: trace } }));
    client.setQueryData<Talk>(["talk", conversation], (before) => before && { ...before, turns: before.turns.map((one) => kept.turns.find((other) => other.n === one.n) ?? one) });
  };
}

/** Say which of two answers to question `n` is better; the conversation goes on with that one. */
export function useChoose(n: number, conversation: string, first: string, second: Live) {
  const keep = useKeep(n);
  return useMutation({
    mutationFn: async (side: Side) => {
      const other = second.now.trace ?? "";
      const { id } = await got(
        api.POST("/api/v1/traces/{trace_id}/feedback", {
          params: { path: { trace_id: first } },
          body: { target: { kind: "pair", other_trace_id: other }, signal: "pairwise", value: VALUES[side], reasons: [], comment: "" },
        }),
      );
      if (side === "second") await keep(conversation, other);
      note(side === "second" ? other : first, { first, second, side, feedback: id });
      decided(first);
    },
  });
}

/** Take the choice back: both answers stand there again. */
export function useUndo(n: number, conversation: string, trace: string) {
  const keep = useKeep(n);
  return useMutation({
    mutationFn: async ({ first, second, side, feedback }: Choice) => {
      await got(api.DELETE("/api/v1/traces/{trace_id}/feedback/{feedback_id}", { params: { path: { trace_id: first, feedback_id: feedback } } }));
      if (side === "second") await keep(conversation, first);
      note(trace, null);
      offer(first, second);
    },
  });
}
