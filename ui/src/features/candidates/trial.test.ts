import { expect, test } from "vitest";
import { differs, says, valued } from "./trial";

test("a measure says what is sure, and nothing of too few", () => {
  const said = (measure: "useful" | "faults", difference: number | null, holds: boolean | null) => says({ measure, champion: 0.5, difference, holds });
  expect([said("useful", 0.1, true), said("useful", -0.1, false), said("useful", 0.1, null)]).toEqual(["better", "worse", "open"]);
  expect([said("faults", 0, true), said("faults", 0.2, false), said("faults", null, null)]).toEqual(["holds", "worse", "few"]);
  expect(says({ measure: "cost", champion: 0, difference: null, holds: null })).toBe("free");
});

test("each value has its unit, and a difference its sign", () => {
  expect(valued("useful", 0.75)).toMatch(/^75\s?%$/);
  expect(valued("latency", 812.4)).toContain("812");
  expect(valued("cost", 0.00123)).toMatch(/0[.,]00123/);
  expect([differs(0.05), differs(-0.05), differs(0)].map((one) => one[0])).toEqual(["+", "−", "±"]);
});
