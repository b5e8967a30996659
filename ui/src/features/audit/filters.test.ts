import { expect, test } from "vitest";
import { auditFiltersOf, queryOf } from "./filters";

test("what is no filter is left out of the address", () => {
  expect(auditFiltersOf({ actor: "", act: 7, since: "yesterday", until: "2026-02-31x", outcome: "maybe", x: "y" })).toEqual({});
  expect(auditFiltersOf({ actor: "a".repeat(300) }).actor).toHaveLength(200);
});

test("the last day counts whole", () => {
  const { since, until, refused } = queryOf({ since: "2026-03-01", until: "2026-03-01", outcome: "refused" });
  expect(Date.parse(until ?? "") - Date.parse(since ?? "")).toBe(86_400_000);
  expect(refused).toBe(true);
  expect(queryOf({ outcome: "done" })).toEqual({ refused: false });
  expect(queryOf({})).toEqual({});
});
