import { MantineProvider } from "@mantine/core";
import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { setNonce } from "get-nonce";
import "./words";
import { onSignedOut, type Schemas } from "@/api/client";
import { Problem } from "@/api/problem";
import { Hints } from "@/primitives/Hints";
import { wasHere } from "./door";
import { router } from "./router";
import { theme } from "./theme";

/** Styles made while the page runs carry it, or the content policy ignores them. */
const NONCE = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
setNonce(NONCE);

const client = new QueryClient({
  queryCache: new QueryCache(),
  defaultOptions: {
    // What a browser calls offline need not be: the server may be on this very machine.
    mutations: { networkMode: "always" },
    queries: {
      networkMode: "always",
      refetchOnWindowFocus: false,
      staleTime: 15_000,
      retry: (count, error) => count < 2 && error instanceof Problem && error.retryable,
    },
  },
});

onSignedOut(() => {
  const { pathname, searchStr, hash } = router.state.location;
  if (["/sign-in", "/join"].includes(pathname)) return;
  const known = client.getQueriesData<Schemas["Me"]>({ queryKey: ["me"] }).find(([, me]) => me !== undefined)?.[1];
  if (known) wasHere(known.user);
  client.clear();
  void router.navigate({ to: "/sign-in", search: { next: `${pathname}${searchStr}`, ...(known && { ended: "1" }) }, hash, replace: true });
});

export function Providers() {
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => NONCE}>
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
        <Hints />
      </QueryClientProvider>
    </MantineProvider>
  );
}
