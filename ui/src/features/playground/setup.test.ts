import { expect, test } from "vitest";
import { differing, type Generation, moved, playgroundOf, requestOf, said, setupOf, type Told } from "./setup";

test("a configuration stands in the address and comes back; nonsense is left out", () => {
  const generation = "5b0dd8a9-14b6-4f0a-8a3c-3d1f0f5e8f10";
  const setup = { limit: 5, dense_weight: 0.5, fusion: "rrf", rerank: false, generation } as const;
  expect(setupOf(said(setup))).toEqual(setup);
  expect(requestOf("why", setup, undefined)).toMatchObject({ generation, rerank: false, knobs: { limit: 5 } });
  expect(requestOf("why", {}, "lamps")).toMatchObject({ domain: "lamps", generation: null, knobs: {} });
  expect(setupOf("limit:9999,generation:../x,widen:-3,fusion:odd,expand:on,x:1,candidates:")).toEqual({ limit: 200, widen: 0 });
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

test("two builds of the index say in what they differ", () => {
  const made = (made_with: Record<string, string>) => ({ made_with }) as unknown as Generation;
  expect(differing(made({ parser: "1", chunker: "a" }), made({ parser: "2", chunker: "a", sparse: "b" }))).toEqual(["parser", "sparse"]);
  expect(differing(made({ parser: "1" }), undefined)).toEqual([]);
});
