/** What this person agreed to, and what is kept of what they do. It belongs to the server. */
import { useQuery } from "@tanstack/react-query";
import { api, got, type Schemas } from "@/api/client";
import { useDomain } from "@/app/me";

type Asked = Schemas["ConsentAsked"];

export function useConsent(): Asked | undefined {
  const domain = useDomain();
  return useQuery({ queryKey: ["consent", domain], queryFn: () => got(api.GET("/api/v1/consent")), staleTime: 300_000 }).data;
}

/** Nothing, where the text has changed since. */
export function agreedTo(asked: Asked): Asked["given"]["purposes"] {
  return asked.given.version === asked.version ? asked.given.purposes : [];
}
