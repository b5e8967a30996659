import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, got, type Schemas } from "@/api/client";

export type Account = Schemas["Account"];
export type Role = Schemas["Role"];
export const ROLES = ["user", "data", "admin"] as const satisfies readonly Role[];

export function usePeople(search: string) {
  return useInfiniteQuery({
    queryKey: ["people", "list", search],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam: cursor }) => got(api.GET("/api/v1/accounts", { params: { query: { limit: 50, search, ...(cursor === undefined ? {} : { cursor }) } } })),
    getNextPageParam: (page) => page.next ?? undefined,
  });
}

/** One of them; undefined once it is known that there is nobody of that name. */
export function usePerson(name: string) {
  return useQuery({
    queryKey: ["people", "one", name],
    queryFn: async () => {
      const { accounts } = await got(api.GET("/api/v1/accounts", { params: { query: { limit: 1_000, search: name } } }));
      return accounts.find((one) => one.id === name) ?? null;
    },
  });
}

export function useInvitations() {
  return useQuery({ queryKey: ["people", "invitations"], queryFn: () => got(api.GET("/api/v1/invitations")) });
}
