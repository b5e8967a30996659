/** Lists the calls that take a domain in their query, from the API's document: see `src/api/client.ts`. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const METHODS = ["get", "put", "post", "delete", "patch"];

export function ofDomains(document) {
  const calls = Object.entries(document.paths).flatMap(([path, route]) =>
    METHODS.filter((method) => route[method]?.parameters?.some((one) => one.in === "query" && one.name === "domain")).map(
      (method) => `${method.toUpperCase()} ${path}`,
    ),
  );
  return `${JSON.stringify(calls.sort(), null, 2)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const document = JSON.parse(readFileSync(new URL("../tests/golden/openapi.json", import.meta.url), "utf-8"));
  writeFileSync(new URL("src/api/domains.json", import.meta.url), ofDomains(document));
}
