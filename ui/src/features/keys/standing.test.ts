import { expect, test } from "vitest";
import { standing } from "./standing";

test.each([
  ["2026-01-01T00:00:00Z", "expired"],
  ["2026-01-05T00:00:00Z", "soon"],
  ["2026-02-01T00:00:00Z", "good"],
])("a key that ends %s is %s", (ends, said) => {
  expect(standing(ends, Date.parse("2026-01-01T00:00:00Z"))).toBe(said);
});
