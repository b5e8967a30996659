import { lazyRouteComponent } from "@tanstack/react-router";
import { unreachable } from "@/api/problem";

/** A page that is loaded when it is gone to; one that cannot be is no fault of the page. */
export const paged: typeof lazyRouteComponent = (load, name) =>
  lazyRouteComponent(
    () =>
      load().catch(() => {
        throw unreachable();
      }),
    name,
  );
