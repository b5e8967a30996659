import { expect, test } from "vitest";
import { bytes, worry } from "./bytes";

test.each([
  [0, "0 bytes"],
  [999, "999 bytes"],
  [1_500, "1.5 kB"],
  [34_000_000, "34 MB"],
  [2_500_000_000_000_000, "2,500 TB"],
])("%s is read as %s", (size, said) => {
  expect(bytes(size)).toBe(said);
});

test("a backup is old after two days", () => {
  const now = Date.parse("2026-03-10T00:00:00Z");
  expect(worry(undefined, now)).toBe("none");
  expect(worry("2026-03-09T00:00:00Z", now)).toBe("fine");
  expect(worry("2026-03-07T00:00:00Z", now)).toBe("old");
});
