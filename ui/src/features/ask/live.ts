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
    };
    try {
      for await (const event of events("/api/v1/answers", { body, signal: this.#stop.signal, last: "answer" }))
        this.#set(heard(this.now, event));
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

const running = new Map<string, Live>();
const listening = new Set<() => void>();
const changed = () => listening.forEach((tell) => tell());

export function begin(conversation: string, live: Live): void {
  running.set(conversation, live);
  changed();
}

export function end(conversation: string): void {
  running.delete(conversation);
  changed();
}

/** The answer being made in a conversation, if one is. */
export function useLive(conversation: string | undefined): Live | undefined {
  return useSyncExternalStore(
    (tell) => {
      listening.add(tell);
      return () => listening.delete(tell);
    },
    () => (conversation === undefined ? undefined : running.get(conversation)),
  );
}
