import { expect, test } from "vitest";
import { inboxOf, queryOf } from "./search";

test("what waits is what is shown where nothing is said", () => {
  expect(inboxOf({ state: "raw", only: "nonsense" })).toEqual({});
  expect(queryOf({})).toEqual({ state: "raw" });
});

test("every way to narrow is the server's", () => {
  expect(inboxOf({ state: "any", only: "bad" })).toEqual({ state: "any", only: "bad" });
  expect(queryOf({ state: "any", only: "bad" })).toEqual({ good: false });
  expect(queryOf({ state: "rejected", only: "missing" })).toEqual({ state: "rejected", missing: true });
  expect(queryOf(inboxOf({ flag: "alike", only: "bad" }))).toEqual({ state: "raw", flag: "alike", good: false });
  expect(queryOf({ only: "corrected" })).toEqual({ state: "raw", corrected: true });
  expect(queryOf(inboxOf({ state: "any", ids: ["a", "b", 3] }))).toEqual({ id: ["a", "b"] });
  expect(inboxOf({ ids: "a" })).toEqual({ ids: ["a"] });
  expect(inboxOf({ ids: [] })).toEqual({});
});
