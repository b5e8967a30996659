import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { stageOf } from "./budget";
import { modelsSearch } from "./search";
import { daysBetween, MOST, OTHERS, seriesOf } from "./series";
import { stateOf } from "./state";

type Daily = Schemas["Days"]["days"][number];
const day = (name: string, on: string, cost: number, pace: Partial<Daily["pace"]> = {}): Daily => ({
  name, day: on, answers: 1, unpriced: 0, prompt_tokens: 10, completion_tokens: 5, cost, pace: { timed: 0, ms_p50: null, ms_p95: null, ...pace },
});
const found = (days: Daily[]): Schemas["Days"] => ({ by: "model", domain: null, since: "2026-02-27", until: "2026-03-01", days, pace: {} });

test("each day has its place, whether there was something or not", () => {
  expect(daysBetween("2026-02-27", "2026-03-01")).toEqual(["2026-02-27", "2026-02-28", "2026-03-01"]);
  const { names, rows, any } = seriesOf(found([day("a", "2026-02-27", 1), day("b", "2026-03-01", 2)]), "cost");
  expect(any).toBe(true);
  expect(names).toEqual(["b", "a"]);
  expect(rows.map((one) => one.values)).toEqual([[0, 1], [0, 0], [2, 0]]);
});

test("more lines than anybody tells apart are one", () => {
  const many = Array.from({ length: MOST + 2 }, (_, at) => day(`m${at}`, "2026-03-01", 10 - at));
  const { names, rows } = seriesOf(found(many), "cost");
  expect(names).toEqual(["m0", "m1", "m2", "m3", "m4", "m5", OTHERS]);
  expect(rows[2]?.values.at(-1)).toBe(4 + 3);
});

test("times are no sums, and a day without one has a gap", () => {
  const { names, rows } = seriesOf(found([day("a", "2026-02-27", 0, { timed: 2, ms_p50: 900 })]), "ms");
  expect(names).toEqual(["a"]);
  expect(rows.map((one) => one.values)).toEqual([[900], [null], [null]]);
  expect(seriesOf(found([]), "ms").any).toBe(false);
});

test.each([[0, 1, 2, "free"], [1, 1, 2, "warned"], [2, 1, 2, "spent"], [5, 1, null, "warned"], [5, null, 9, "free"]] as const)("%d of %s and %s is %s", (used, soft, hard, stage) => {
  expect(stageOf(used, soft, hard)).toBe(stage);
});

test("an address says what it may and nothing else", () => {
  expect(modelsSearch({ show: "costs", days: 90, by: "domain", measure: "ms", here: true })).toEqual({ show: "costs", days: 90, by: "domain", measure: "ms", here: true });
  expect(modelsSearch({ show: "<b>", days: 1, by: "key", measure: [], here: "yes" })).toEqual({});
});

test("what keeps a model from answering comes first", () => {
  const checked = { at: "2026-01-01T00:00:00Z", ok: true, first_token_ms: 1, code: "", detail: "", hint: "" };
  expect(stateOf({ problem: "no key", breaker: "opened", checked })).toBe("broken");
  expect(stateOf({ problem: "", breaker: "opened", checked })).toBe("rests");
  expect(stateOf({ problem: "", breaker: "closed", checked })).toBe("fine");
  expect(stateOf({ problem: "", breaker: "closed", checked: { ...checked, ok: false } })).toBe("failed");
  expect(stateOf({ problem: "", breaker: "closed", checked: null })).toBe("unchecked");
});
