import { expect, test } from "vitest";
import { counted, leftOut, nameOf, rowsOf, type Dataset } from "./manifest";

const one = {
  name: "month",
  number: 2,
  manifest: { rows: { label: { train: 3, test: 1 }, relevance: { validation: 2 } }, omitted: { any: { not_reviewed: 4 }, label: { consent: 9 } } },
} as unknown as Dataset;

test("rows are counted by task and split", () => {
  expect(counted(one)).toEqual([
    { task: "label", splits: [3, 0, 1], all: 4 },
    { task: "relevance", splits: [0, 2, 0], all: 2 },
  ]);
  expect(rowsOf(one)).toBe(6);
  expect(nameOf(one)).toBe("month@2");
});

test("what is left out most is told first", () => {
  expect(leftOut(one)).toEqual([
    { task: "label", why: "consent", count: 9 },
    { task: null, why: "not_reviewed", count: 4 },
  ]);
});
