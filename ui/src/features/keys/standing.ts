const SOON_MS = 7 * 86_400_000;

/** Whether a key still works, and for how much longer than anybody notices. */
export function standing(expires: string, now = Date.now()): "good" | "soon" | "expired" {
  const left = Date.parse(expires) - now;
  return left <= 0 ? "expired" : left < SOON_MS ? "soon" : "good";
}
