import i18next from "i18next";

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["minute", 60],
  ["hour", 3_600],
  ["day", 86_400],
];

/** How long ago, while that is what tells; a date once it is more than a week. */
export function ago(at: string, now = Date.now()): string {
  const seconds = (now - Date.parse(at)) / 1_000;
  if (seconds >= 7 * 86_400) return day(at);
  const [unit, size] = UNITS.findLast(([, least]) => seconds >= least) ?? ["minute", 60];
  return new Intl.RelativeTimeFormat(i18next.language, { numeric: "auto" }).format(-Math.floor(seconds / size), unit);
}

export function day(at: string): string {
  return new Intl.DateTimeFormat(i18next.language, { dateStyle: "medium" }).format(new Date(at));
}

export function moment(at: string): string {
  return new Intl.DateTimeFormat(i18next.language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));
}

/** How far ahead, while that is what tells; a date once it is more than a month. */
export function ahead(at: string, now = Date.now()): string {
  const seconds = (Date.parse(at) - now) / 1_000;
  if (seconds >= 31 * 86_400) return day(at);
  // A minute short of three days is three days to whoever reads it.
  const [unit, size] = UNITS.findLast(([, least]) => seconds + 60 >= least) ?? ["minute", 60];
  return new Intl.RelativeTimeFormat(i18next.language, { numeric: "auto" }).format(Math.max(0, Math.round(seconds / size)), unit);
}
