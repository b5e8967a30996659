import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

const SOURCE = join(import.meta.dirname, "..");
const FILES = readdirSync(SOURCE, { recursive: true, encoding: "utf-8" });
type Words = { [key: string]: string | Words };

function flat(words: Words, before = ""): Record<string, string> {
  return Object.assign(
    {},
    ...Object.entries(words).map(([key, said]) =>
      typeof said === "string" ? { [before + key]: said } : flat(said, `${before}${key}.`),
    ),
  ) as Record<string, string>;
}

const read = (path: string) => flat(JSON.parse(readFileSync(path, "utf-8")) as Words);
const holes = (said: string) => [...said.matchAll(/{{(\w+)}}/g)].map(([, name]) => name).sort();

test.each(FILES.filter((path) => path.endsWith("en.json")))("%s says the same in German", (path) => {
  const english = read(join(SOURCE, path));
  const german = read(join(SOURCE, dirname(path), "de.json"));
  expect(Object.keys(german).sort()).toEqual(Object.keys(english).sort());
  for (const [key, said] of Object.entries(english)) {
    expect(said.trim(), key).not.toBe("");
    expect(german[key]?.trim(), key).toBeTruthy();
    expect(holes(german[key] ?? ""), key).toEqual(holes(said));
  }
});

const SAID = ["label", "title", "placeholder", "aria-label", "alt", "tell", "detail", "hint", "description"];

/** What a component says that is in no list of words. */
function unlisted(path: string): string[] {
  const file = ts.createSourceFile(path, readFileSync(path, "utf-8"), ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isJsxText(node) && /\p{L}{2,}/u.test(node.text)) found.push(node.text.trim());
    if (ts.isJsxAttribute(node) && SAID.includes(node.name.getText()) && node.initializer) {
      const said = node.initializer;
      if (ts.isStringLiteral(said) && /\p{L}{2,}/u.test(said.text)) found.push(said.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

test.each(FILES.filter((path) => path.endsWith(".tsx")))("%s says nothing of its own", (path) => {
  expect(unlisted(join(SOURCE, path))).toEqual([]);
});
