import { MantineProvider } from "@mantine/core";
import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { setNonce } from "get-nonce";
import "./words";
import { onSignedOut } from "@/api/client";
import { Problem } from "@/api/problem";
import { Hints } from "@/primitives/Hints";
import { router } from "./router";
import { theme } from "./theme";

/** Styles made while the page runs carry it, or the content policy ignores them. */
const NONCE = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
setNonce(NONCE);

const client = new QueryClient({
  queryCache: new QueryCache(),
  defaultOptions: {
    queries: {
      refetchOnWindowFocus: false,
      staleTime: 15_000,
      retry: (count, error) => count < 2 && error instanceof Problem && error.retryable,
    },
  },
});

onSignedOut(() => {
  const { pathname, href } = router.state.location;
  if (["/sign-in", "/join"].includes(pathname)) return;
  const known = client.getQueriesData({ queryKey: ["me"] }).some(([, me]) => me !== undefined);
  client.clear();
  void router.navigate({ to: "/sign-in", search: { next: href, ...(known && { ended: "1" }) }, replace: true });
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
