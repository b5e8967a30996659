import { readFileSync } from "node:fs";
import openapiTS, { astToString, COMMENT_HEADER } from "openapi-typescript";
import { expect, test } from "vitest";

test("the client is generated from the API as it is: `npm run api` after a change", async () => {
  const document = new URL("../../../tests/golden/openapi.json", import.meta.url);
  const made = COMMENT_HEADER + astToString(await openapiTS(document));
  expect(readFileSync(new URL("schema.d.ts", import.meta.url), "utf-8") === made).toBe(true);
});
