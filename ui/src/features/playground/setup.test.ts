import { expect, test } from "vitest";
import { moved, playgroundOf, said, setupOf, type Told } from "./setup";

test("a configuration stands in the address and comes back; nonsense is left out", () => {
  const setup = { limit: 5, dense_weight: 0.5, fusion: "rrf", rerank: false } as const;
  expect(setupOf(said(setup))).toEqual(setup);
  expect(setupOf("limit:9999,widen:-3,fusion:odd,expand:on,x:1,candidates:")).toEqual({ limit: 200, widen: 0 });
  expect(playgroundOf({ q: "why", a: "", b: 3 })).toEqual({ q: "why" });
});

test("a passage moved up, down, or is only here", () => {
  const told = (...ids: string[]) => ({ stages: [{ stage: "final", total: ids.length, places: ids.map((chunk_id, at) => ({ chunk_id, rank: at + 1, score: 1, why: "" })) }] }) as unknown as Told;
  const [a, b] = [told("x", "y"), told("y", "z")];
  expect(moved(a, b, "final", "y")).toBe(-1);
  expect(moved(b, a, "final", "y")).toBe(1);
  expect(moved(a, b, "final", "x")).toBeUndefined();
  expect(moved(a, b, "dense", "x")).toBeNull();
  expect(moved(a, undefined, "final", "x")).toBeNull();
});
