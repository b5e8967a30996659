import { expect, test } from "vitest";
import { changed } from "./changed";
import type { Run, Source } from "./queries";
import { oftenOf, scheduled } from "./Rhythm";
import { latestOf, share, stateOf } from "./state";

const source = (some: Partial<Source>) => ({ id: "s", paused: false, failed: 0, held: 0, last_sync: "2026-01-01T00:00:00Z", ...some }) as Source;
const run = (some: Partial<Run>, progress: Partial<Run["progress"]> = {}) =>
  ({ id: "r", source_id: "s", state: "succeeded", progress: { phase: "", seen: 0, done: 0, failed: 0, rate: 0, ...progress }, ...some }) as Run;

test.each([
  [{ paused: true }, run({ state: "running" }), "running"],
  [{ paused: true }, run({ state: "failed" }), "paused"],
  [{ held: 3 }, run({ state: "failed" }), "failed"],
  [{ held: 3, failed: 1 }, run({}), "held"],
  [{ failed: 1 }, run({}), "partly"],
  [{ last_sync: null }, undefined, "new"],
  [{}, undefined, "fine"],
])("%j with the latest run %j is %s", (some, latest, state) => {
  expect(stateOf(source(some), latest)).toBe(state);
});

test("the newest run of each source counts", () => {
  const runs = [run({ id: "3" }), run({ id: "2", source_id: "t" }), run({ id: "1" }), run({ id: "0", source_id: null })];
  expect([...latestOf(runs)].map(([of, { id }]) => [of, id])).toEqual([["s", "3"], ["t", "2"]]);
});

test("a share is told once it is known how much there is, and never more than all", () => {
  expect(share(run({}, { seen: 10, done: 5 }))).toBeUndefined();
  expect(share(run({}, { seen: 10, done: 4, failed: 1, seconds_left: 9 }))).toBe(50);
  expect(share(run({}, { seen: 10, done: 12, seconds_left: 0 }))).toBe(100);
  expect(share(run({}, { seconds_left: 0 }))).toBeUndefined();
});

test("of changed settings only what changed is sent; null takes away", () => {
  expect(changed({ a: 1, b: [1], c: 2 }, { b: [1], c: 3, d: 4 })).toEqual({ a: null, c: 3, d: 4 });
});

test.each([null, { cron: "", every_seconds: 3_600 }, { cron: "", every_seconds: 77 }, { cron: "0 3 * * *" }])("a schedule %j is kept as it is", (schedule) => {
  expect(scheduled(oftenOf(schedule))).toEqual(schedule);
});
