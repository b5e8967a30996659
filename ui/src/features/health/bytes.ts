import i18next from "i18next";

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** A size in the unit that reads best: "3.4 MB". */
export function bytes(size: number): string {
  const step = Math.min(UNITS.length - 1, size < 1 ? 0 : Math.floor(Math.log10(size) / 3));
  const value = size / 1_000 ** step;
  return new Intl.NumberFormat(i18next.language, { style: "unit", unit: UNITS[step] ?? "byte", unitDisplay: step === 0 ? "long" : "short", maximumFractionDigits: value < 10 && step > 0 ? 1 : 0 }).format(value);
}

const DAY_MS = 86_400_000;

/** How much there is to worry about a backup of that age; nobody said how often one is wanted. */
export function worry(at: string | undefined, now = Date.now()): "fine" | "old" | "none" {
  if (at === undefined) return "none";
  return now - Date.parse(at) > 2 * DAY_MS ? "old" : "fine";
}
