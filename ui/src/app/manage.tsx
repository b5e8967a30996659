/** The addresses of those who manage: `router.tsx` puts them among the others. */
import { createRoute, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { modelsSearch } from "@/features/models/search";
import { playgroundOf } from "@/features/playground/setup";
import { documentsOf } from "@/features/documents/search";
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
  component: lazyRouteComponent(() => import("@/features/sources"), "SourcesPage"),
});
const addSource = createRoute({
  getParentRoute: () => shell,
  path: "/admin/sources/add",
  validateSearch: (search: Record<string, unknown>): AddSearch => {
    const connector = word(search["connector"]);
    return connector === undefined ? {} : { connector };
  },
  component: lazyRouteComponent(() => import("@/features/sources"), "AddSourcePage"),
});
const source = createRoute({
  getParentRoute: () => shell,
  path: "/admin/sources/$source",
  component: lazyRouteComponent(() => import("@/features/sources"), "SourcePage"),
});

const documents = createRoute({
  getParentRoute: () => shell,
  path: "/admin/documents",
  validateSearch: documentsOf,
  component: lazyRouteComponent(() => import("@/features/documents"), "DocumentsPage"),
});

const models = createRoute({
  getParentRoute: () => shell,
  path: "/admin/models",
  validateSearch: modelsSearch,
  component: lazyRouteComponent(() => import("@/features/models"), "ModelsPage"),
});
const model = createRoute({
  getParentRoute: () => shell,
  path: "/admin/models/$model",
  component: lazyRouteComponent(() => import("@/features/models"), "ModelPage"),
});

const playground = createRoute({
  getParentRoute: () => shell,
  path: "/admin/playground",
  validateSearch: playgroundOf,
  component: lazyRouteComponent(() => import("@/features/playground"), "PlaygroundPage"),
});

export const MANAGE = [playground, first, sources, addSource, source, documents, models, model] as const;
