/** Answers in the making, by conversation. They go on while one looks elsewhere on the page. */
import { useSyncExternalStore } from "react";
import { domainOfPage, type Schemas } from "@/api/client";
import { asProblem } from "@/api/problem";
import { events } from "@/api/sse";
import { begun, heard, type Answering } from "./answering";

export interface Asked {
  question: string;
  filter: Schemas["AskRequest"]["filter"];
  /** Written anew rather than given again. */
  fresh: boolean;
  /** The trace of the answer beside which this is the second. */
  beside?: string;
}

export class Live {
  now: Answering;
  readonly #stop = new AbortController();
  readonly #watching = new Set<() => void>();
  private drawing = 0;

  constructor(readonly asked: Asked) {
    this.now = begun(asked.question);
  }

  readonly subscribe = (watch: () => void): (() => void) => {
    this.#watching.add(watch);
    return () => this.#watching.delete(watch);
  };

  readonly stop = (): void => this.#stop.abort();

  /** Until it is done, stopped or failed; none of these is thrown. */
  async run(conversation: string): Promise<Answering> {
    const body = {
      question: this.asked.question,
      conversation,
      domain: domainOfPage() ?? null,
      filter: this.asked.filter ?? null,
      fresh: this.asked.fresh,
      beside: this.asked.beside ?? null,
    };
    try {
      for await (const event of events("/api/v1/answers", { body, signal: this.#stop.signal, last: "answer" })) {
        this.#set(heard(this.now, event));
        if (event.name === "started" && this.now.pair && this.now.trace) second(this.now.trace, conversation, this.asked);
      }
    } catch (error) {
      this.#set(
        this.#stop.signal.aborted
          ? { ...this.now, phase: "stopped" }
          : { ...this.now, phase: "failed", problem: asProblem(error) },
      );
    }
    return this.now;
  }

  /** Shown with the next picture, however many pieces came since the last one. */
  #set(now: Answering): void {
    this.now = now;
    this.drawing ||= requestAnimationFrame(() => {
      this.drawing = 0;
      for (const watch of this.#watching) watch();
    });
  }
}

export function useAnswering(live: Live): Answering {
  return useSyncExternalStore(live.subscribe, () => live.now);
}

/** Whether it came to nothing, and another question may be asked. */
export function useFailed(live: Live | undefined): boolean {
  return useSyncExternalStore(live?.subscribe ?? unwatched, () => live?.now.phase === "failed");
}

const unwatched = () => () => undefined;

const running = new Map<string, Live>();
const listening = new Set<() => void>();
const changed = () => listening.forEach((tell) => tell());
const listen = (tell: () => void) => {
  listening.add(tell);
  return () => listening.delete(tell);
};

export function begin(conversation: string, live: Live): void {
  running.set(conversation, live);
  changed();
}

export function end(conversation: string): void {
  running.delete(conversation);
  changed();
}

/** Second answers, by the trace of the first; each until one has chosen between the two. */
const seconds = new Map<string, Live>();

function second(trace: string, conversation: string, { question, filter }: Asked): void {
  const live = new Live({ question, filter, fresh: false, beside: trace });
  offer(trace, live);
  // Who has one answer misses nothing: what became of the other is no trouble of theirs.
  void live.run(conversation).then((made) => made.phase === "done" || decided(trace));
}

export function offer(trace: string, live: Live): void {
  seconds.set(trace, live);
  changed();
}

export function decided(trace: string): void {
  seconds.delete(trace);
  changed();
}

export function secondOf(trace: string | null | undefined): Live | undefined {
  return trace ? seconds.get(trace) : undefined;
}

/** The second answer to choose from, if there is one. */
export function useSecond(trace: string | null | undefined): Live | undefined {
  return useSyncExternalStore(listen, () => secondOf(trace));
}

/** The answer being made in a conversation, if one is. */
export function useLive(conversation: string | undefined): Live | undefined {
  return useSyncExternalStore(
    listen,
    () => (conversation === undefined ? undefined : running.get(conversation)),
  );
}
