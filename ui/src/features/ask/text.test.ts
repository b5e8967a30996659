import { describe, expect, test } from "vitest";
import { parse, unitsOf, type Block, type Inline } from "./text";

const NUMBERS = new Set([1, 2]);

/** What is shown, with what it is shown as. */
function shown(text: string): unknown[] {
  const inline = (one: Inline): unknown =>
    one.kind === "text" ? text.slice(one.from, one.to) : one.kind === "cite" ? one.n : "of" in one ? { [one.kind]: one.of.map(inline) } : { code: text.slice(one.from, one.to) };
  const block = (one: Block): unknown => {
    if (one.kind === "code") return { fence: text.slice(one.from, one.to) };
    if (one.kind === "list") return { [one.ordered ? `from ${one.start}` : "list"]: one.items.map((item) => item.map(inline)) };
    if (one.kind === "table") return { table: one.rows.map((row) => row.map((cell) => cell.map(inline))) };
    return one.kind === "heading" ? { heading: one.of.map(inline) } : one.of.map(inline);
  };
  return parse(text, NUMBERS).map(block);
}

test("marks that the server minted become numbers, others stay text", () => {
  expect(shown("Two years. [1] Or three [2][7].")).toEqual([["Two years. ", 1, " Or three ", 2, "[7]."]]);
});

test("a small part of Markdown is known", () => {
  expect(shown("# A **b**\n\nOne\nline *two* `x*y*`\n- a\n- b [1]\n3. c\n4. d\n```js\n**e**\n```\n| h | i |\n|---|---|\n| 1 | [2] |")).toEqual([
    { heading: ["A ", { strong: ["b"] }] },
    ["One\nline ", { em: ["two"] }, " ", { code: "x*y*" }],
    { list: [["a"], ["b ", 1]] },
    { "from 3": [["c"], ["d"]] },
    { fence: "**e**" },
    { table: [[[" h "], [" i "]], [[" 1 "], [" ", 2, " "]]] },
  ]);
});

describe("what could act stays as it is written", () => {
  test.each([
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "![x](https://elsewhere.example/?secret)",
    "<svg onload=alert(1)>",
    "https://elsewhere.example",
    "2 * 3 * 4 and snake_case_name",
  ])("%s", (text) => expect(shown(text)).toEqual([[text]]));
});

test("nothing is lost or said twice, however odd the text", () => {
  const signs = ["*", "**", "`", "[1]", "[", "]", "\n", "- ", "a", " ", "|", "#", "💧", "1. ", "\u202e"];
  let seed = 7;
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
  for (let round = 0; round < 2_000; round++) {
    const text = Array.from({ length: random(30) }, () => signs[random(signs.length)]).join("");
    const leaves: { from: number; to: number }[] = [];
    const visit = (one: Inline): void => {
      if (one.kind === "strong" || one.kind === "em") one.of.forEach(visit);
      else leaves.push(one);
    };
    for (const block of parse(text, NUMBERS)) {
      if (block.kind === "code") leaves.push(block);
      else if (block.kind === "list") block.items.flat().forEach(visit);
      else if (block.kind === "table") block.rows.flat(2).forEach(visit);
      else block.of.forEach(visit);
    }
    for (const [index, leaf] of leaves.entries()) expect(leaf.from, text).toBeGreaterThanOrEqual(leaves[index - 1]?.to ?? 0);
    if (text.includes("```")) continue; // What follows a fence is a word for programs.
    const said = leaves.map(({ from, to }) => text.slice(from, to)).join("");
    expect(said.replace(/[^a💧]/gu, ""), text).toBe(text.replace(/[^a💧]/gu, ""));
  }
});

test.each(["*", "**a", "`", "[1", "[1]", "|"])("a line of many %s is read to its end", (sign) => {
  expect(parse(sign.repeat(20_000), NUMBERS)).toHaveLength(1);
});

test("characters are counted as the server counts them", () => {
  expect([...unitsOf("a💧b💧", [0, 1, 2, 3, 4, 9])]).toEqual([[0, 0], [1, 1], [2, 3], [3, 4], [4, 6], [9, 6]]);
});
