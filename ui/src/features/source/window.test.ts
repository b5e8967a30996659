import { expect, test } from "vitest";
import { citedRows, cut } from "./window";

test("a piece is cut where the span begins and ends, counted in characters", () => {
  const piece = { start: 100, text: "a💧b. Two years. Yes." };
  expect(cut(piece, [105, 115])).toEqual({ before: "a💧b. ", cited: "Two years.", after: " Yes." });
  expect(cut(piece, [90, 102])).toEqual({ before: "", cited: "a💧", after: "b. Two years. Yes." });
  expect(cut(piece, [90, 100]).cited).toBe("");
  expect(cut(piece, [500, 900])).toEqual({ before: piece.text, cited: "", after: "" });
});

test("a row is cited where its line is touched", () => {
  const piece = { start: 10, text: "Part: 💧\nPart: B\nPart: C" };
  expect([...citedRows(piece, [18, 25])]).toEqual([1]);
  expect([...citedRows(piece, [12, 19])]).toEqual([0, 1]);
  expect([...citedRows(piece, [0, 10])]).toEqual([]);
});
