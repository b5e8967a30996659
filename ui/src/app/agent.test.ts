import { expect, test } from "vitest";
import { browserOf } from "./agent";
import { ahead } from "./when";

test.each([
  ["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"],
  ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0", "Edge, Windows"],
  ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1", "Safari, iOS"],
  ["curl/8.5.0", "curl/8.5.0"],
  ["", ""],
])("%s is called %s", (agent, name) => {
  expect(browserOf(agent)).toBe(name);
});

test("what ends in three days does so in three, not in two", () => {
  const now = Date.parse("2026-01-01T00:00:05Z");
  expect(ahead("2026-01-04T00:00:00Z", now)).toBe("in 3 days");
  expect(ahead("2026-01-01T00:00:10Z", now)).toBe("this minute");
});
