import { expect, test } from "vitest";
import { doneBy } from "./keys";

const none = { ctrlKey: false, metaKey: false, altKey: false };

test("a key does one thing, and with another key held nothing", () => {
  expect(doneBy({ ...none, key: "a" })).toEqual({ put: "accepted" });
  expect(doneBy({ ...none, key: "ArrowUp" })).toEqual({ go: -1 });
  expect(doneBy({ ...none, key: "Enter" })).toBeUndefined();
  expect(doneBy({ ...none, ctrlKey: true, key: "a" })).toBeUndefined();
});
