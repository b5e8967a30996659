import { expect, test } from "vitest";
import { countOf, filterOf, filtersOf } from "./filters";

test("an address says where to look", () => {
  const filters = filtersOf({ in: ["manuals", 3], files: ["web", "pdf", "poem"], since: "2025-01-01", until: "2025-01-31", kind: "table", other: 1 });
  expect(filters).toEqual({ in: ["manuals"], files: ["pdf", "web"], since: "2025-01-01", until: "2025-01-31", kind: "table" });
  expect(countOf(filters)).toBe(4);
  expect(filterOf(filters)).toEqual({
    op: "and",
    of: [
      { op: "match", field: "source", any_of: ["manuals"] },
      { op: "match", field: "file_kind", any_of: ["pdf", "web"] },
      { op: "range", field: "modified_at", gte: 1_735_689_600, lte: 1_738_367_999 },
      { op: "match", field: "kind", any_of: ["table"] },
    ],
  });
});

test("what means nothing is left out", () => {
  expect(filtersOf({ in: 3, files: "poem", since: "soon", until: "2025-13-45", kind: "poem" })).toEqual({});
  expect(filterOf({})).toBeNull();
});
