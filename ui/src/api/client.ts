import createClient, { type Middleware } from "openapi-fetch";
import type { Readable } from "openapi-typescript-helpers";
import DOMAINS from "./domains.json";
import { Problem, problemOf, unreachable } from "./problem";
import type { components, paths } from "./schema";

/** As calls give them: the client reads pairs as lists. */
export type Schemas = Readable<components["schemas"]>;

/** The domain that the page is about stands in its address, and nowhere else. */
export function domainOfPage(): string | undefined {
  return new URLSearchParams(location.search).get("domain") ?? undefined;
}

export function headers(): Record<string, string> {
  const domain = domainOfPage();
  return domain === undefined ? {} : { "X-Ratchet-Domain": domain };
}

/** An address of the API about the page's domain, for links and streams: those bring no header, or no query. */
export function addressed(path: string): string {
  const domain = domainOfPage();
  if (domain === undefined) return path;
  return `${path}${path.includes("?") ? "&" : "?"}domain=${encodeURIComponent(domain)}`;
}

let signedOut = (): void => undefined;

/** What the page does when the server no longer knows who asks. */
export function onSignedOut(act: () => void): void {
  signedOut = act;
}

/** The problem that an answer is; tells the page where nobody is signed in any more. */
export async function problemIn(response: Response): Promise<Problem> {
  const said: unknown = await response.json().catch(() => null);
  if (response.status === 401) signedOut();
  return problemOf(said, response.status);
}

const ofDomain: Middleware = {
  async onRequest({ request, schemaPath }) {
    for (const [name, value] of Object.entries(headers())) request.headers.set(name, value);
    // A header that says another domain than the query, or than none, is refused.
    if (!DOMAINS.includes(`${request.method} ${schemaPath}`) || new URL(request.url).searchParams.has("domain")) return request;
    const { method, headers: said, signal } = request;
    return new Request(addressed(request.url), { method, headers: said, signal, body: (await request.text()) || null });
  },
};
const troubled: Middleware = {
  async onResponse({ response }) {
    if (!response.ok) throw await problemIn(response);
    return response;
  },
  onError() {
    return unreachable();
  },
};

export const api = createClient<paths>({ baseUrl: location.origin });
api.use(ofDomain, troubled);

/** For what is about every domain at once, whichever the page is about. */
export const everywhere = createClient<paths>({ baseUrl: location.origin });
everywhere.use(troubled);

/** The data of a call that did not fail: `const { domains } = await got(api.GET(...))`. */
export async function got<T>(call: Promise<{ data?: T }>): Promise<T> {
  return (await call).data as T;
}
