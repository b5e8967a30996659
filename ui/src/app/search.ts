/** What stands after the ? of an address: words as they are; a key that is said again is a list. */
export function parseSearch(said: string): Record<string, string | string[]> {
  const found: Record<string, string | string[]> = {};
  const all = new URLSearchParams(said);
  for (const key of new Set(all.keys())) {
    const values = all.getAll(key);
    found[key] = values.length === 1 ? (values[0] ?? "") : values;
  }
  return found;
}

export function stringifySearch(search: Record<string, unknown>): string {
  const said = new URLSearchParams();
  for (const [key, value] of Object.entries(search))
    for (const one of Array.isArray(value) ? (value as unknown[]) : [value])
      if (typeof one === "string" || typeof one === "number") said.append(key, String(one));
  const text = said.toString();
  return text === "" ? "" : `?${text}`;
}
