import { expect, test } from "vitest";
import { begun, heard, turnOf } from "./answering";

const told = (events: [string, unknown][]) => events.reduce((now, [name, data]) => heard(now, { name, data }), begun("Why?"));
const CITATION = { n: 1, document: "Manual" };
const BEGUN: [string, unknown][] = [
  ["started", { trace_id: "t" }],
  ["hits", { hits: [{ title: "Manual" }, { title: "Manual" }, { title: "Prices" }] }],
  ["token", { text: "  It" }],
  ["citation", CITATION],
  ["token", { text: " leaks. [1]" }],
];

test("an answer grows with its events", () => {
  expect(told(BEGUN)).toMatchObject({ phase: "writing", trace: "t", found: ["Manual", "Prices"], text: "It leaks. [1]", citations: [CITATION] });
});

test("what the server may say one day changes nothing", () => {
  expect(told([...BEGUN, ["mood", { text: "x" }]])).toEqual(told(BEGUN));
});

test("the answer at the end is what counts, not the pieces", () => {
  const answer = { answer: "It leaks.", citations: [CITATION], claims: [], conflicts: [], abstained: false, trace_id: "t", model: "m", searched: ["Manual"], removed: 1 };
  const done = told([...BEGUN, ["support", { claims: [] }], ["answer", answer]]);
  expect(done.phase).toBe("done");
  expect(turnOf(done, 3)).toMatchObject({ n: 3, state: "answered", answer: "It leaks.", searched: ["Manual"], removed: 1, trace_id: "t" });
});

test("what was stopped keeps its pieces, and what failed says so", () => {
  expect(turnOf({ ...told(BEGUN), phase: "stopped" }, 1)).toMatchObject({ state: "left", answer: "It leaks. [1]" });
  expect(turnOf({ ...told([]), phase: "failed" }, 1)).toMatchObject({ state: "failed", answer: null, trace_id: null });
});
