export type Stage = "free" | "warned" | "spent";

/** How far a budget is used up: past its soft ceiling it is told, at its hard one it stops. */
export function stageOf(used: number, soft: number | null, hard: number | null): Stage {
  if (hard !== null && used >= hard) return "spent";
  return soft !== null && used >= soft ? "warned" : "free";
}
