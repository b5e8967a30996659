import { expect, test } from "vitest";
import { called, documentsOf } from "./search";

test("what the address says is taken where it makes sense", () => {
  const said = { search: "pump", source: "manuals", state: "failed", after: "a1", open: "b2", version: "3" };
  expect(documentsOf(said)).toEqual({ ...said, version: 3 });
  expect(documentsOf({ search: ["a", "b"], state: "odd", version: "0", open: "" })).toEqual({});
  expect(documentsOf({ search: "x".repeat(500) }).search).toHaveLength(200);
});

test("a document without a title is called as its address ends", () => {
  expect(called({ title: "Rules", uri: "file:///a.md" })).toBe("Rules");
  expect(called({ title: "", uri: "file:///b/a%20b.md" })).toBe("a b.md");
  expect(called({ title: "", uri: "https://x.example/50%/" })).toBe("50%");
});
