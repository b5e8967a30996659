/** The addresses of the data team: `router.tsx` puts them among the others. */
import { createRoute, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { gapsOf } from "@/features/gaps/search";
import { inboxOf } from "@/features/inbox/search";
import { spanOf } from "./spans";
import { shell, word } from "./router";

const first = createRoute({
  getParentRoute: () => shell,
  path: "/data",
  beforeLoad: () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- how the router is told to go elsewhere
    throw redirect({ to: "/data/feedback" });
  },
});
const inbox = createRoute({
  getParentRoute: () => shell,
  path: "/data/feedback",
  validateSearch: inboxOf,
  component: lazyRouteComponent(() => import("@/features/inbox"), "InboxPage"),
});
const gaps = createRoute({
  getParentRoute: () => shell,
  path: "/data/gaps",
  validateSearch: gapsOf,
  component: lazyRouteComponent(() => import("@/features/gaps"), "GapsPage"),
});
const agreement = createRoute({
  getParentRoute: () => shell,
  path: "/data/agreement",
  validateSearch: spanOf,
  component: lazyRouteComponent(() => import("@/features/agreement"), "AgreementPage"),
});
const datasets = createRoute({
  getParentRoute: () => shell,
  path: "/data/datasets",
  validateSearch: (search: Record<string, unknown>): { dataset?: string } => {
    const dataset = word(search["dataset"]);
    return dataset === undefined ? {} : { dataset };
  },
  component: lazyRouteComponent(() => import("@/features/datasets"), "DatasetsPage"),
});
const candidates = createRoute({
  getParentRoute: () => shell,
  path: "/data/candidates",
  validateSearch: (search: Record<string, unknown>): { candidate?: string } => {
    const candidate = word(search["candidate"]);
    return candidate === undefined ? {} : { candidate };
  },
  component: lazyRouteComponent(() => import("@/features/candidates"), "CandidatesPage"),
});

export const DATA = [first, inbox, gaps, agreement, datasets, candidates] as const;
