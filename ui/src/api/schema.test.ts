import { readFileSync } from "node:fs";
import openapiTS, { astToString, COMMENT_HEADER } from "openapi-typescript";
import { expect, test } from "vitest";
// @ts-expect-error -- a script without types
import { ofDomains as untyped } from "../../routes.js";

const ofDomains = untyped as (document: unknown) => string;
const DOCUMENT = new URL("../../../tests/golden/openapi.json", import.meta.url);

test("the client is generated from the API as it is: `npm run api` after a change", async () => {
  const made = COMMENT_HEADER + astToString(await openapiTS(DOCUMENT));
  expect(readFileSync(new URL("schema.d.ts", import.meta.url), "utf-8") === made).toBe(true);
});

test("so is the list of calls that take a domain", () => {
  const made = ofDomains(JSON.parse(readFileSync(DOCUMENT, "utf-8")));
  expect(readFileSync(new URL("domains.json", import.meta.url), "utf-8")).toBe(made);
});
