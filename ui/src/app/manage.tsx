/** The addresses of those who manage: `router.tsx` puts them among the others. */
import { createRoute, redirect } from "@tanstack/react-router";
import { modelsSearch } from "@/features/models/search";
import { playgroundOf } from "@/features/playground/setup";
import { documentsOf } from "@/features/documents/search";
import { auditFiltersOf } from "@/features/audit/filters";
import { paged } from "./paged";
import { shell, word } from "./router";

interface AddSearch {
  connector?: string;
}

const first = createRoute({
  getParentRoute: () => shell,
  path: "/admin",
  beforeLoad: () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- how the router is told to go elsewhere
    throw redirect({ to: "/admin/sources" });
  },
});
const sources = createRoute({
  getParentRoute: () => shell,
  path: "/admin/sources",
  component: paged(() => import("@/features/sources"), "SourcesPage"),
});
const addSource = createRoute({
  getParentRoute: () => shell,
  path: "/admin/sources/add",
  validateSearch: (search: Record<string, unknown>): AddSearch => {
    const connector = word(search["connector"]);
    return connector === undefined ? {} : { connector };
  },
  component: paged(() => import("@/features/sources"), "AddSourcePage"),
});
const source = createRoute({
  getParentRoute: () => shell,
  path: "/admin/sources/$source",
  component: paged(() => import("@/features/sources"), "SourcePage"),
});

const documents = createRoute({
  getParentRoute: () => shell,
  path: "/admin/documents",
  validateSearch: documentsOf,
  component: paged(() => import("@/features/documents"), "DocumentsPage"),
});

const models = createRoute({
  getParentRoute: () => shell,
  path: "/admin/models",
  validateSearch: modelsSearch,
  component: paged(() => import("@/features/models"), "ModelsPage"),
});
const model = createRoute({
  getParentRoute: () => shell,
  path: "/admin/models/$model",
  component: paged(() => import("@/features/models"), "ModelPage"),
});

const playground = createRoute({
  getParentRoute: () => shell,
  path: "/admin/playground",
  validateSearch: playgroundOf,
  component: paged(() => import("@/features/playground"), "PlaygroundPage"),
});

interface PeopleSearch {
  search?: string;
  /** Whose drawer is open. */
  person?: string;
}

/** Those of these words that the address says. */
function words<Name extends string>(said: Record<string, unknown>, ...names: Name[]): Partial<Record<Name, string>> {
  const found: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const value = word(said[name]);
    if (value !== undefined) found[name] = value.slice(0, 200);
  }
  return found;
}

const people = createRoute({
  getParentRoute: () => shell,
  path: "/admin/people",
  validateSearch: (said: Record<string, unknown>): PeopleSearch => words(said, "search", "person"),
  component: paged(() => import("@/features/people"), "PeoplePage"),
});

const groups = createRoute({
  getParentRoute: () => shell,
  path: "/admin/groups",
  validateSearch: (said: Record<string, unknown>): { group?: string } => words(said, "group"),
  component: paged(() => import("@/features/groups"), "GroupsPage"),
});
const keys = createRoute({
  getParentRoute: () => shell,
  path: "/admin/keys",
  validateSearch: (said: Record<string, unknown>): { owner?: string } => words(said, "owner"),
  component: paged(() => import("@/features/keys"), "KeysPage"),
});

const audit = createRoute({
  getParentRoute: () => shell,
  path: "/admin/audit",
  validateSearch: auditFiltersOf,
  component: paged(() => import("@/features/audit"), "AuditPage"),
});
const health = createRoute({
  getParentRoute: () => shell,
  path: "/admin/health",
  component: paged(() => import("@/features/health"), "HealthPage"),
});
const settings = createRoute({
  getParentRoute: () => shell,
  path: "/admin/settings",
  validateSearch: (said: Record<string, unknown>): { search?: string; set?: string } => words(said, "search", "set"),
  component: paged(() => import("@/features/settings"), "SettingsPage"),
});

export const MANAGE = [playground, first, sources, addSource, source, documents, models, model, people, groups, keys, audit, health, settings] as const;
