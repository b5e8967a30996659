import { afterEach, expect, test, vi } from "vitest";
import { leadsHere } from "./leads";

afterEach(() => vi.unstubAllGlobals());

test("an address that leads away is known by where it would lead", () => {
  vi.stubGlobal("location", { origin: "https://ask.example.org" });
  for (const here of ["/", "/c/1?domain=a", "/shared#token", "/..//elsewhere"]) expect(leadsHere(here)).toBe(true);
  for (const away of ["https://elsewhere", "//elsewhere", "/\\elsewhere", "/\t/elsewhere", "javascript:alert(1)", "elsewhere", ""])
    expect(leadsHere(away)).toBe(false);
});
