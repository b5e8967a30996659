import { expect, test } from "vitest";
import { backTo, reach, verdictOf } from "./compare";
import type { Choice } from "./queries";

const figure = (measure: "support" | "cost" | "abstained", low: number | null, high: number | null) =>
  ({ measure, difference: low === null || high === null ? null : (low + high) / 2, low, high }) as const;

test.each([
  [figure("support", 0.1, 0.3), "better"],
  [figure("support", -0.3, -0.1), "worse"],
  [figure("cost", 0.1, 0.3), "worse"],
  [figure("cost", -0.3, -0.1), "better"],
  [figure("cost", -0.1, 0.3), "same"],
  [figure("cost", 0, 0), "same"],
  [figure("abstained", 0.1, 0.3), "differs"],
  [figure("support", null, null), "unclear"],
])("%j says %s", (given, verdict) => {
  expect(verdictOf(given)).toBe(verdict);
});

test("an interval lies around zero as far as it reaches", () => {
  expect(reach({ difference: 1, low: 0, high: 2 })).toEqual({ zero: 0.5, from: 0.5, at: 0.725, to: 0.95 });
  expect(reach({ difference: 0, low: 0, high: 0 })).toEqual({ zero: 0.5, from: 0.5, at: 0.5, to: 0.5 });
  expect(reach({ difference: null, low: null, high: null })).toBeUndefined();
});

const choice = (id: string, model: string, before: string | null = null, tried?: string) =>
  ({ id, model, before, trial: tried === undefined ? null : { model: tried } }) as Choice;

test("going back ends a trial first, then leads to what answered before and is still there", () => {
  const known = ["a", "b"];
  expect(backTo([], known)).toBeNull();
  expect(backTo([choice("1", "")], known)).toBeNull();
  expect(backTo([choice("2", "a", null, "b")], known)).toEqual({ ends: "b" });
  expect(backTo([choice("1", "a")], known)).toEqual({ model: "" });
  expect(backTo([choice("2", "b", "1"), choice("1", "a")], known)).toEqual({ model: "a" });
  expect(backTo([choice("3", "b", "2"), choice("2", "gone", "1"), choice("1", "a")], known)).toEqual({ model: "a" });
});
