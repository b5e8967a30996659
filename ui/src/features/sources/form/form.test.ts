import type { RJSFSchema } from "@rjsf/utils";
import { expect, test } from "vitest";
import { filled, folded, looks, named, prepared } from "./schema";
import { wrongs } from "./validator";

const RULE = { type: "object", properties: { pattern: { type: "string" }, allow: { type: "array", items: { type: "string", pattern: "^group:" }, minItems: 1 } }, required: ["pattern"] };
const SCHEMA = {
  $defs: { Rule: RULE },
  type: "object",
  additionalProperties: false,
  required: ["path"],
  properties: {
    path: { type: "string", title: "Path" },
    token: { type: "string", format: "password", default: "**********", title: "API Token" },
    days: { anyOf: [{ type: "integer", minimum: 1 }, { type: "null" }], default: null, title: "Since Days" },
    words: { type: "array", items: { type: "string" } },
    rules: { type: "array", items: { $ref: "#/$defs/Rule" } },
    params: { type: "object", additionalProperties: { type: "string" } },
  },
} as unknown as RJSFSchema;

test("a schema becomes a form: no nulls, no defaults of secrets, names for people", () => {
  const { days, token } = prepared(SCHEMA).properties as Record<string, RJSFSchema>;
  expect(days).toEqual({ type: "integer", minimum: 1, default: null, title: "Since days" });
  expect(token).toEqual({ type: "string", format: "password", title: "API token" });
  expect(named("Max Bytes")).toBe("Max bytes");
});

test("each kind of value gets its field", () => {
  expect(looks(SCHEMA)).toMatchObject({
    path: {},
    words: { "ui:widget": "words" },
    rules: { items: { allow: { "ui:widget": "words" } } },
    params: { "ui:field": "json" },
  });
  expect([folded("networks", {}, false), folded("max_bytes", { type: "integer" }, false), folded("port", { type: "integer" }, true), folded("url", { type: "string" }, false)]).toEqual([true, true, false, false]);
});

test("what is empty is not sent, at any depth", () => {
  expect(filled({ a: "", b: null, c: [{ d: undefined, e: 0 }], f: false })).toEqual({ c: [{ e: 0 }], f: false });
});

test("what is wrong is said at its place", () => {
  const shape = prepared(SCHEMA);
  expect(wrongs(shape, { path: "/a", days: 3 })).toEqual([]);
  expect(wrongs(shape, { days: 0, rules: [{ pattern: "x", allow: ["nobody"] }] })).toEqual(
    expect.arrayContaining([
      { path: ["path"], keyword: "required" },
      { path: ["days"], keyword: "minimum" },
      { path: ["rules", "0", "allow", "0"], keyword: "pattern" },
    ]),
  );
});
