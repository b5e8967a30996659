import {
  createRootRoute,
  createRoute,
  createRouter,
  Outlet,
  redirect,
  retainSearchParams,
} from "@tanstack/react-router";
import { filtersOf, type Filters } from "@/features/ask/filters";
import { DATA } from "./data";
import { MANAGE } from "./manage";
import { whereToGoOn } from "./door";
import { leadsHere } from "./leads";
import { Crashed, NotFound } from "./pages";
import { paged } from "./paged";
import { parseSearch, stringifySearch } from "./search";
import { Shell } from "./shell";

export interface PageSearch {
  domain?: string;
}

/** A word of the address, where there is one. */
export function word(said: unknown): string | undefined {
  return typeof said === "string" && said !== "" ? said : typeof said === "number" ? String(said) : undefined;
}

const root = createRootRoute({
  validateSearch: (search: Record<string, unknown>): PageSearch => {
    const domain = word(search["domain"]);
    return domain === undefined ? {} : { domain };
  },
  search: { middlewares: [retainSearchParams<PageSearch>(["domain"])] },
  component: Outlet,
  notFoundComponent: NotFound,
  errorComponent: Crashed,
});

/** Pages for whoever is known, inside header and list. */
export const shell = createRoute({ getParentRoute: () => root, id: "shell", component: Shell });

interface AskSearch extends Filters {
  /** The citation whose source stands beside the conversation: its turn and its number, `2.1`. */
  source?: string;
}

const asking = (search: Record<string, unknown>): AskSearch => {
  const source = word(search["source"]);
  return { ...filtersOf(search), ...(source !== undefined && /^\d{1,6}\.\d{1,6}$/.test(source) ? { source } : {}) };
};
/** Back from the identity provider, which leads to the first page, one goes on where one wanted to be. */
const goOn = () => {
  const href = whereToGoOn();
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- how the router is told to go elsewhere
  if (href !== undefined && href !== "/") throw redirect({ href, replace: true });
};
const AskPage = paged(() => import("@/features/ask"), "AskPage");
const ask = createRoute({ getParentRoute: () => shell, path: "/", validateSearch: asking, beforeLoad: goOn, component: AskPage });
const talk = createRoute({ getParentRoute: () => shell, path: "/c/$talk", validateSearch: asking, component: AskPage });
const shared = createRoute({
  getParentRoute: () => shell,
  path: "/shared",
  validateSearch: asking,
  component: paged(() => import("@/features/ask"), "SharedPage"),
});
const account = createRoute({
  getParentRoute: () => shell,
  path: "/account",
  component: paged(() => import("@/features/account"), "AccountPage"),
});

export interface DoorSearch {
  /** Where to go on once one is known: an address of ours. */
  next?: string;
  /** One was signed in until now. */
  ended?: string;
}

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (search: Record<string, unknown>): DoorSearch => {
    const next = word(search["next"]);
    const ended = search["ended"] === "1" ? { ended: "1" } : {};
    return next !== undefined && leadsHere(next) ? { next, ...ended } : ended;
  },
  component: paged(() => import("@/features/sign-in"), "SignInPage"),
});
const join = createRoute({
  getParentRoute: () => root,
  path: "/join",
  component: paged(() => import("@/features/sign-in"), "JoinPage"),
});

export const router = createRouter({
  routeTree: root.addChildren([shell.addChildren([ask, talk, shared, account, ...MANAGE, ...DATA]), signIn, join]),
  parseSearch,
  stringifySearch,
  // What no page knows is taken out of the address: unchecked, it would be read as if it had been looked at.
  search: { strict: true },
  defaultErrorComponent: Crashed,
  defaultPreload: false,
  scrollRestoration: false,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
