/** What the address says: the question, and how each of the two sides searches. */
import type { Schemas } from "@/api/client";

export const FUSIONS = ["dbsf", "rrf", "convex"] as const;
export const NUMBERS = ["limit", "candidates", "dense_weight", "sparse_weight", "widen"] as const;
export const BOUNDS: Record<(typeof NUMBERS)[number], [number, number]> = { limit: [1, 200], candidates: [1, 1000], dense_weight: [0, 100], sparse_weight: [0, 100], widen: [0, 5] };

/** What differs from the domain's own configuration. */
export interface Setup extends Partial<Record<(typeof NUMBERS)[number], number>> {
  fusion?: (typeof FUSIONS)[number];
  expand?: false;
  rerank?: false;
  memory?: false;
  release?: false;
  /** Another generation of the index than the live one. */
  generation?: string;
}
export type Generation = Schemas["GenerationInfo"];
const ID = /^[0-9a-f-]{36}$/;

export interface PlaygroundSearch {
  q?: string;
  /** As `setupOf` reads it: `limit:5,fusion:rrf,rerank:off`. */
  a?: string;
  b?: string;
  open?: string;
}

const word = (said: unknown, most: number) => (typeof said === "string" && said !== "" ? said.slice(0, most) : undefined);

export function playgroundOf(said: Record<string, unknown>): PlaygroundSearch {
  const found = { q: word(said["q"], 20_000), a: word(said["a"], 300), b: word(said["b"], 300), open: word(said["open"], 200) };
  return Object.fromEntries(Object.entries(found).filter(([, one]) => one !== undefined));
}

export function setupOf(said: string | undefined): Setup {
  const setup: Setup = {};
  for (const part of (said ?? "").split(",")) {
    const [key = "", value = ""] = part.split(":");
    const number = NUMBERS.find((one) => one === key);
    if (number && value !== "" && Number.isFinite(Number(value))) {
      const [least, most] = BOUNDS[number];
      setup[number] = Math.min(most, Math.max(least, number.endsWith("weight") ? Number(value) : Math.round(Number(value))));
    }
    const fusion = FUSIONS.find((one) => one === value);
    if (key === "fusion" && fusion) setup.fusion = fusion;
    if (key === "generation" && ID.test(value)) setup.generation = value;
    if ((key === "expand" || key === "rerank" || key === "memory" || key === "release") && value === "off") setup[key] = false;
  }
  return setup;
}

export function said(setup: Setup): string {
  return Object.entries(setup).filter(([, value]) => value !== undefined).map(([key, value]) => `${key}:${value === false ? "off" : value}`).join(",");
}

export function requestOf(query: string, { expand, rerank, memory, release, generation, ...knobs }: Setup, domain: string | undefined) {
  return { query, domain: domain ?? null, generation: generation ?? null, knobs, expand: expand ?? true, rerank: rerank ?? true, memory: memory ?? true, release: release ?? true };
}

export type Told = Schemas["Explained"];
/** Where a passage stands on one side compared with the other: positive is higher, undefined is only here. */
export function moved(told: Told, other: Told | undefined, stage: string, chunk: string): number | undefined | null {
  if (!other) return null;
  const rank = (of: Told) => of.stages.find((one) => one.stage === stage)?.places.find((one) => one.chunk_id === chunk)?.rank;
  const [here, there] = [rank(told), rank(other)];
  if (here === undefined || !other.stages.some((one) => one.stage === stage)) return null;
  return there === undefined ? undefined : there - here;
}

/** In what two builds of the index differ: the names of what they were made with. */
export function differing(one: Generation, other: Generation | undefined): string[] {
  return other ? Object.keys({ ...one.made_with, ...other.made_with }).filter((part) => one.made_with[part] !== other.made_with[part]).sort() : [];
}
