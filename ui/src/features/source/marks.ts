/** Where on a drawn page the very words of a quote stand; what a parser rearranged is not found. */

/** A run of text on a page, as pdf.js tells it: where its baseline begins, how wide and tall it is. */
export interface Run {
  str: string;
  transform: readonly number[];
  width: number;
  height: number;
}

/** A place in the units of the page, whose origin is at its lower left. */
export interface Place {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

const bare = (text: string) => Array.from(text.normalize("NFKC").replace(/[\s\u00ad]/gu, ""));
/** How far letters reach below their line, as a share of their height. */
const BELOW = 0.22;
const LEAST = 4;

/** The places of a quote, one for each run that it touches; none where it does not stand there once, whole. */
export function placesOf(runs: readonly Run[], quote: string): Place[] {
  const wanted = bare(quote).join("");
  if (wanted.length < LEAST) return [];
  const signs = runs.map((run) => bare(run.str));
  const page = signs.map((some) => some.join("")).join("");
  const from = page.indexOf(wanted);
  if (from < 0 || page.includes(wanted, from + 1)) return [];
  const until = from + wanted.length;
  const places: Place[] = [];
  let at = 0;
  for (const [number, run] of runs.entries()) {
    const length = (signs[number] ?? []).join("").length;
    const since = Math.max(from, at) - at;
    const till = Math.min(until, at + length) - at;
    at += length;
    const [, skew = 0, , , x = 0, y = 0] = run.transform;
    // Text that runs upwards has another way of being wide.
    if (till <= since || skew !== 0) continue;
    places.push({
      x0: x + (run.width * since) / length,
      x1: x + (run.width * till) / length,
      y0: y - run.height * BELOW,
      y1: y + run.height * (1 - BELOW / 2),
    });
  }
  return places;
}
