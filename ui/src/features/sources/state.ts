import i18next from "i18next";
import type { Run, Source } from "./queries";

export type SourceState = "queued" | "running" | "paused" | "failed" | "held" | "partly" | "new" | "fine";

/** How a source is, in a word; what somebody should look at comes before what is merely so. */
export function stateOf(source: Source, latest: Run | undefined): SourceState {
  if (latest?.state === "running" || latest?.state === "queued") return latest.state;
  if (source.paused) return "paused";
  if (latest?.state === "failed") return "failed";
  if (source.held > 0) return "held";
  if (!source.last_sync) return "new";
  return source.failed > 0 ? "partly" : "fine";
}

export const COLOUR: Record<SourceState, string> = {
  queued: "gray",
  running: "slate",
  paused: "gray",
  failed: "red",
  held: "orange",
  partly: "orange",
  new: "gray",
  fine: "green",
};

/** The newest run of each source; runs come newest first. */
export function latestOf(runs: readonly Run[]): Map<string, Run> {
  const latest = new Map<string, Run>();
  for (const run of runs) if (run.source_id && !latest.has(run.source_id)) latest.set(run.source_id, run);
  return latest;
}

/** How much of a run is done, in percent; undefined while nobody knows how much there is. */
export function share(run: Run): number | undefined {
  const { seen, done, failed, seconds_left: left } = run.progress;
  if (seen === 0 || left === null || left === undefined) return undefined;
  return Math.min(100, Math.round((100 * (done + failed)) / seen));
}

/** How large a file is, in the unit that tells it shortest. */
export function sized(bytes: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1_000 ** power;
  return new Intl.NumberFormat(i18next.language, { style: "unit", unit: units[power] ?? "byte", unitDisplay: power ? "short" : "long", maximumFractionDigits: value < 10 && power ? 1 : 0 }).format(value);
}
