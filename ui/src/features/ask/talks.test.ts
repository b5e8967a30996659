import { expect, test, vi } from "vitest";
import type { Turn } from "./types";

// The client asks where the page is, as soon as it is loaded.
vi.stubGlobal("location", { origin: "http://localhost", search: "" });
const { inOrder } = await import("./talks");

const turn = (n: number, trace_id: string | null, more: Partial<Turn> = {}) => ({ n, trace_id, ...more }) as Turn;

test("turns are numbered as the server counts them, and what was made here stays as it was made", () => {
  const here = [turn(1, "a"), turn(2, "c", { confidence: 0.9 })];
  expect(inOrder(here, [turn(2, "b"), turn(3, "c")])).toEqual([turn(1, "a"), turn(2, "b"), turn(3, "c", { confidence: 0.9 })]);
});

test("what never reached the server stays where it was asked", () => {
  const here = [turn(1, "a"), turn(2, null), turn(3, "b")];
  expect(inOrder(here, [turn(2, "b")])).toEqual([turn(1, "a"), turn(2, null), turn(2, "b")]);
});
