import { expect, test } from "vitest";
import { addressOf, draftOf, EMPTY, named, settingsOf, wrongIn, type Draft } from "./form";
import type { Declared } from "./queries";

const good: Draft = { ...EMPTY, name: "big", model: "m", base_url: "https://models.example/v1" };
const has = { name: "big", settings: { provider: "openai_like", model: "m", base_url: "https://models.example/v1/" }, key: { origin: "added" } } as unknown as Declared;

test("what was left empty is the server's to choose", () => {
  expect(settingsOf(good)).toEqual({ provider: "openai_like", model: "m", base_url: "https://models.example/v1" });
  expect(settingsOf({ ...good, provider: "anthropic", temperature: 0, retries: 2, reports_usage: false })).toEqual({ provider: "anthropic", model: "m", temperature: 0, retries: 2, reports_usage: false });
});

test("what a model has comes back as it was", () => {
  const settings = { ...has.settings, temperature: 0.5, input_price: null, capabilities: ["german"], networks: ["10.0.0.0/8"] };
  const draft = draftOf({ name: "big", settings });
  expect(draft).toMatchObject({ name: "big", temperature: 0.5, input_price: "", capabilities: ["german"] });
  expect(draft).not.toHaveProperty("networks");
});

test.each<[Partial<Draft>, object]>([
  [{}, {}],
  [{ name: "" }, { name: "needed" }],
  [{ name: "-big" }, { name: "name" }],
  [{ model: " " }, { model: "needed" }],
  [{ base_url: "" }, { base_url: "needed" }],
  [{ base_url: "models.example" }, { base_url: "address" }],
  [{ provider: "openai", base_url: "", key: "sk-1" }, {}],
  [{ provider: "openai", base_url: "" }, { key: "keyed" }],
  [{ key: "two words" }, { key: "key" }],
  [{ input_price: 1 }, { output_price: "together" }],
  [{ input_price: 0, output_price: 0 }, {}],
])("%j is told as %j", (some, wrong) => {
  expect(wrongIn({ ...good, ...some })).toEqual(wrong);
});

test("a key is for one address", () => {
  expect(addressOf({ provider: "openai_like", base_url: " https://models.example/v1/ " })).toBe("openai_like https://models.example/v1");
  expect(wrongIn(good, has)).toEqual({});
  expect(wrongIn({ ...good, base_url: "https://other.example" }, has)).toEqual({ key: "moved" });
  expect(wrongIn({ ...good, base_url: "https://other.example", key: "sk-2" }, has)).toEqual({});
});

test.each([["Qwen/Qwen3 32B", "Qwen3-32B"], ["m", "m"], ["", ""], ["_odd", "odd"]])("%s is called %s", (model, name) => {
  expect(named(model)).toBe(name);
});
