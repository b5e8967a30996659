import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  retainSearchParams,
} from "@tanstack/react-router";
import { filtersOf, type Filters } from "@/features/ask/filters";
import { MANAGE } from "./manage";
import { Crashed, NotFound } from "./pages";
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
const AskPage = lazyRouteComponent(() => import("@/features/ask"), "AskPage");
const ask = createRoute({ getParentRoute: () => shell, path: "/", validateSearch: asking, component: AskPage });
const talk = createRoute({ getParentRoute: () => shell, path: "/c/$talk", validateSearch: asking, component: AskPage });
const shared = createRoute({
  getParentRoute: () => shell,
  path: "/shared",
  validateSearch: asking,
  component: lazyRouteComponent(() => import("@/features/ask"), "SharedPage"),
});
const account = createRoute({
  getParentRoute: () => shell,
  path: "/account",
  component: lazyRouteComponent(() => import("@/features/account"), "AccountPage"),
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
    // "//elsewhere" and "/\elsewhere" would lead away.
    return next !== undefined && /^\/(?![/\\])/.test(next) ? { next, ...ended } : ended;
  },
  component: lazyRouteComponent(() => import("@/features/sign-in"), "SignInPage"),
});
const join = createRoute({
  getParentRoute: () => root,
  path: "/join",
  component: lazyRouteComponent(() => import("@/features/sign-in"), "JoinPage"),
});

export const router = createRouter({
  routeTree: root.addChildren([shell.addChildren([ask, talk, shared, account, ...MANAGE]), signIn, join]),
  parseSearch,
  stringifySearch,
  defaultPreload: false,
  scrollRestoration: false,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
