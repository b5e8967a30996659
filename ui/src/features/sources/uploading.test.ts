import { expect, test, vi } from "vitest";

// The client asks where the page is, as soon as it is loaded.
vi.stubGlobal("location", { origin: "http://localhost" });
const { queued } = await import("./uploading");

test("a file whose name is there already waits for a word", () => {
  const files = [new File(["a"], "a.md"), new File(["b"], "b.md")];
  const states = queued(files, new Set(["b.md"]), 3).map(({ id, state }) => [id, state]);
  expect(states).toEqual([[3, "waiting"], [4, "taken"]]);
});
