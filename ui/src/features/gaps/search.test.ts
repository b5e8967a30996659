import { expect, test } from "vitest";
import { gapsOf, queryOf } from "./search";

const NOW = Date.UTC(2026, 5, 30, 17, 3);

test("without a word it is the last 90 days", () => {
  expect(gapsOf({ days: "90", language: "" })).toEqual({});
  expect(queryOf({}, NOW)).toEqual({ since: "2026-04-01T00:00:00.000Z" });
});

test("what the address says is the server's", () => {
  expect(gapsOf({ days: 30, language: "de" })).toEqual({ days: "30", language: "de" });
  expect(queryOf({ days: "30", language: "de" }, NOW)).toEqual({ since: "2026-05-31T00:00:00.000Z", language: "de" });
  expect(queryOf({ days: "all" }, NOW)).toEqual({});
});

test("nonsense in the address is none", () => {
  expect(gapsOf({ days: "7", language: "<b>" })).toEqual({});
});
