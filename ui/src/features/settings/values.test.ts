import { expect, test } from "vitest";
import { shown, valueOf } from "./values";

const words = { yes: "yes", no: "no", empty: "empty" };
const setting = (key: string, origin: "default" | "file") => ({ key, about: "TCP port.", value: 1, secret: false, origin, where: "" });
const sections = [
  { name: "server", about: "", settings: [setting("server.port", "file"), setting("server.host", "default")] },
  { name: "log", about: "", settings: [setting("log.level", "default")] },
];

test.each([
  [true, "yes"],
  [null, "empty"],
  [[], "empty"],
  [["a", 2], "a, 2"],
  [{ model: "big", classes: [], min: 0 }, "model = big, min = 0"],
  [0, "0"],
])("%j is read as %s", (value, said) => {
  expect(valueOf(value, words)).toBe(said);
});

test("what is sought is found by key and by meaning, in sections that are not empty", () => {
  expect(shown(sections, "PORT", false).flatMap((one) => one.settings)).toHaveLength(3);
  expect(shown(sections, "level", false).map((one) => one.name)).toEqual(["log"]);
  expect(shown(sections, "", true).flatMap((one) => one.settings.map(({ key }) => key))).toEqual(["server.port"]);
});
