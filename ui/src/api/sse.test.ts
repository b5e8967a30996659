import { afterEach, expect, test, vi } from "vitest";
import { Problem } from "./problem";

vi.stubGlobal("location", { search: "?domain=pumps", origin: "http://localhost" });
const { events, EventParser } = await import("./sse");

const STREAM = ': ping\n\nevent: token\ndata: {"text":"Zwölf 💧"}\n\nevent: answer\r\ndata: {"n":\r\ndata: 1}\r\n\r\n';

afterEach(() => vi.restoreAllMocks());

function answering(chunks: Uint8Array[], init: ResponseInit = {}): void {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const one of chunks) controller.enqueue(one);
      controller.close();
    },
  });
  vi.spyOn(globalThis, "fetch").mockResolvedValue(new Response(body, init));
}

async function all(signal = new AbortController().signal): Promise<string[]> {
  const seen: string[] = [];
  for await (const one of events("/x", { body: {}, signal, last: "answer" })) seen.push(one.name);
  return seen;
}

test("events are whole wherever the line cut them", () => {
  for (let size = 1; size < STREAM.length; size++) {
    const parser = new EventParser();
    const found = [];
    for (let at = 0; at < STREAM.length; at += size) found.push(...parser.feed(STREAM.slice(at, at + size)));
    expect(found).toEqual([
      { name: "token", data: { text: "Zwölf 💧" } },
      { name: "answer", data: { n: 1 } },
    ]);
  }
});

test("bytes may be cut within a character, and the domain of the page is told", async () => {
  answering([...new TextEncoder().encode(STREAM)].map((one) => Uint8Array.of(one)));
  expect(await all()).toEqual(["token", "answer"]);
  const [, init] = vi.mocked(fetch).mock.calls[0] ?? [];
  expect(init?.headers).toMatchObject({ "X-Ratchet-Domain": "pumps", Accept: "text/event-stream" });
});

test.each([
  ["an error event", 'event: error\ndata: {"status":503,"code":"model","title":"T","detail":"D"}\n\n', 200, "model"],
  ["a line that breaks", 'event: token\ndata: {"text":"a"}\n\n', 200, "cut"],
  ["a refusal", '{"status":429,"code":"rate_limited","title":"T","detail":"D"}', 429, "rate_limited"],
  ["an answer that is no problem", "<html>", 502, "unknown"],
])("%s is a problem", async (_, text, status, code) => {
  answering([new TextEncoder().encode(text)], { status });
  const failed = await all().catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(Problem);
  expect((failed as Problem).code).toBe(code);
});

test("no server is a problem too, but stopping is not", async () => {
  vi.spyOn(globalThis, "fetch").mockRejectedValue(new TypeError("Failed to fetch"));
  await expect(all()).rejects.toMatchObject({ code: "unreachable" });
  await expect(all(AbortSignal.abort())).rejects.not.toBeInstanceOf(Problem);
});
