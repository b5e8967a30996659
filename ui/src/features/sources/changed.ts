type Config = Record<string, unknown>;

/** What to tell the server of a changed configuration: null for what was taken away. */
export function changed(before: Config, after: Config): Config {
  const gone = Object.keys(before).filter((key) => !(key in after));
  const set = Object.entries(after).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(before[key]));
  return Object.fromEntries([...gone.map((key) => [key, null] as const), ...set]);
}
