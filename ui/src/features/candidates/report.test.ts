import { expect, test } from "vitest";
import { farthest, isWhole, place, signed } from "./report";

const interval = (low: number, high: number) => ({ questions: 10, mean: (low + high) / 2, low, high, p: 1 });

test("a difference tells its sign, and none is neither", () => {
  expect([signed(0.08204), signed(-0.02), signed(0)]).toEqual(["+0.082", "−0.020", "±0.000"]);
});

test("everything is within the plot, and nothing is in its middle", () => {
  const far = farthest([interval(-0.03, 0.01), interval(0.02, 0.2)]);
  expect(place(0, far)).toBe(0.5);
  for (const value of [-0.03, 0.2]) {
    expect(place(value, far)).toBeGreaterThan(0);
    expect(place(value, far)).toBeLessThan(1);
  }
});

test("a plot of nothing is still one", () => {
  expect(place(0, farthest([]))).toBe(0.5);
});

test("what is about the whole is told from sources and languages", () => {
  expect([isWhole("overall"), isWhole("language en")]).toEqual([true, false]);
});
