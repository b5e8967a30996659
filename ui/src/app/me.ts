/** Who asks, and in which domains they are known. Owned by the server; nothing is kept here. */
import { useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { api, got } from "@/api/client";

/** The domain in the address; none is the default one. */
export function useDomain(): string | undefined {
  return useSearch({ strict: false }).domain;
}

export function useMe() {
  const domain = useDomain();
  return useQuery({
    queryKey: ["me", domain],
    queryFn: () => got(api.GET("/api/v1/session")),
    staleTime: 60_000,
  });
}

export function useDomains() {
  return useQuery({
    queryKey: ["domains"],
    queryFn: () => got(api.GET("/api/v1/domains")),
    staleTime: 300_000,
  });
}
