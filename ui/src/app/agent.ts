/** A browser by the name that people know it by, from what it calls itself; else its own words. */
export function browserOf(agent: string): string {
  const named: [RegExp, string][] = [[/Edg(?:A|iOS)?\//, "Edge"], [/OPR\//, "Opera"], [/Firefox\/|FxiOS\//, "Firefox"], [/Chrome\/|CriOS\//, "Chrome"], [/Safari\//, "Safari"]];
  const systems: [RegExp, string][] = [[/Android/, "Android"], [/iPhone|iPad/, "iOS"], [/Windows/, "Windows"], [/Mac OS X/, "macOS"], [/CrOS/, "ChromeOS"], [/Linux/, "Linux"]];
  const found = (all: [RegExp, string][]) => all.find(([sign]) => sign.test(agent))?.[1];
  const browser = found(named);
  return browser === undefined ? agent : [browser, found(systems)].filter(Boolean).join(", ");
}
