import { expect, test } from "vitest";
import { parseSearch, stringifySearch } from "./search";

test.each([
  [{ domain: "007", in: ["a b", "ä&="] }, "?domain=007&in=a+b&in=%C3%A4%26%3D"],
  [{ source: "1.1" }, "?source=1.1"],
  [{ page: 2, none: undefined }, "?page=2"],
  [{}, ""],
])("%j is %s", (search, said) => {
  expect(stringifySearch(search)).toBe(said);
  expect(stringifySearch(parseSearch(said))).toBe(said);
});
