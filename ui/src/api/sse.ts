import { headers, problemIn } from "./client";
import { Problem, problemOf, unreachable } from "./problem";

export interface ServerEvent {
  name: string;
  data: unknown;
}

/** Cuts what arrives into events, wherever it was cut on the way. Comments keep the line alive. */
export class EventParser {
  #rest = "";
  #name = "";
  #data: string[] = [];

  *feed(text: string): Generator<ServerEvent> {
    this.#rest += text;
    // A CR at the end may be half of a line's end.
    const held = this.#rest.endsWith("\r") ? 1 : 0;
    const lines = this.#rest.slice(0, this.#rest.length - held).split(/\r\n|\n|\r/);
    this.#rest = (lines.pop() ?? "") + (held ? "\r" : "");
    for (const line of lines) {
      if (line !== "") this.#line(line);
      else if (this.#data.length) yield this.#event();
    }
  }

  #line(line: string): void {
    const at = line.indexOf(":");
    const field = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? "" : line.slice(at + 1).replace(/^ /, "");
    if (field === "event") this.#name = value;
    if (field === "data") this.#data.push(value);
  }

  #event(): ServerEvent {
    const made = { name: this.#name || "message", data: JSON.parse(this.#data.join("\n")) as unknown };
    this.#name = "";
    this.#data = [];
    return made;
  }
}

/** The events of a stream as they come. Throws Problem: also for an `error` event, or none at the end. */
export async function* events(
  path: string,
  { body, signal, last }: { body?: unknown; signal: AbortSignal; last: string },
): AsyncGenerator<ServerEvent> {
  const response = await fetch(path, {
    method: body === undefined ? "GET" : "POST",
    headers: { ...headers(), "Content-Type": "application/json", Accept: "text/event-stream" },
    body: body === undefined ? null : JSON.stringify(body),
    signal,
  }).catch((error: unknown) => {
    throw signal.aborted ? error : unreachable();
  });
  if (!response.ok) throw await problemIn(response);
  if (response.body === null) throw unreachable();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new EventParser();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        throw signal.aborted ? error : unreachable();
      });
      if (done) throw new Problem({ ...cut });
      for (const event of parser.feed(value)) {
        if (event.name === "error") throw problemOf(event.data);
        yield event;
        if (event.name === last) return;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

const cut = { status: 0, code: "cut", title: "", detail: "", retryable: true };
