import i18next from "i18next";

const UNITS: [string, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** A time span in its largest unit: "3 min", "2 Tage". */
export function lasting(seconds: number): string {
  const [unit, size] = UNITS.find(([, least]) => seconds >= least) ?? ["second", 1];
  const value = seconds / size;
  const digits = value < 10 && unit !== "second" && unit !== "day" ? 1 : 0;
  return new Intl.NumberFormat(i18next.language, { style: "unit", unit, unitDisplay: unit === "day" ? "long" : "short", maximumFractionDigits: digits }).format(value);
}

export function counted(value: number, digits = 0): string {
  return new Intl.NumberFormat(i18next.language, { maximumFractionDigits: digits }).format(value);
}
