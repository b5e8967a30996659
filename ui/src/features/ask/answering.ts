import type { ServerEvent } from "@/api/sse";
import type { Problem } from "@/api/problem";
import type { Schemas } from "@/api/client";
import type { Citation, Claim, Turn } from "./types";

export type Phase = "searching" | "writing" | "checking" | "done" | "stopped" | "failed";

/** An answer in the making. */
export interface Answering {
  phase: Phase;
  question: string;
  trace: string | null;
  /** Another answer to the same question is asked for. */
  pair: boolean;
  /** Titles of what was found, best first. */
  found: string[];
  text: string;
  citations: Citation[];
  claims: Claim[];
  answer: Schemas["Answer"] | null;
  problem: Problem | null;
}

export function begun(question: string): Answering {
  return { phase: "searching", question, trace: null, pair: false, found: [], text: "", citations: [], claims: [], answer: null, problem: null };
}

/** What an event makes of it. Events of other names change nothing: the server may learn more. */
export function heard(now: Answering, { name, data }: ServerEvent): Answering {
  const said = data as Record<string, unknown>;
  switch (name) {
    case "started":
      return { ...now, trace: said["trace_id"] as string, pair: said["pair"] === true };
    case "hits":
      return { ...now, phase: "writing", found: [...new Set((said["hits"] as { title: string }[]).map((one) => one.title))] };
    case "token":
      // An answer begins without space, whatever its first piece begins with.
      return { ...now, phase: "writing", text: now.text === "" ? (said["text"] as string).trimStart() : now.text + (said["text"] as string) };
    case "citation":
      return { ...now, citations: [...now.citations, data as Citation] };
    case "support":
      return { ...now, phase: "checking", claims: said["claims"] as Claim[] };
    case "answer":
      return { ...now, phase: "done", answer: data as Schemas["Answer"] };
    default:
      return now;
  }
}

/** The turn that a conversation shows of it from now on. */
export function turnOf(made: Answering, n: number): Turn {
  const { answer } = made;
  const kept = {
    n,
    question: made.question,
    standalone: answer?.standalone ?? "",
    asked_at: new Date().toISOString(),
    trace_id: answer?.trace_id ?? made.trace,
    withheld: false,
    conflicts: answer?.conflicts ?? [],
    abstained: answer?.abstained ?? false,
    support: answer?.support ?? null,
    removed: answer?.removed ?? 0,
    model: answer?.model ?? "",
  };
  if (answer === null)
    return { ...kept, state: made.phase === "failed" ? "failed" : "left", answer: made.text || null, citations: made.citations, claims: [] };
  return {
    ...kept,
    state: "answered",
    answer: answer.answer,
    citations: answer.citations,
    claims: answer.claims,
    searched: answer.searched,
    confidence: answer.confidence,
    cached: answer.cached,
  };
}
