import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, everywhere, got, type Schemas } from "@/api/client";
import { useDomain, useMe } from "@/app/me";
import type { Split } from "./search";

export type Model = Schemas["ModelInfo"];
export type Declared = Schemas["DeclaredModel"];
export type Choice = Schemas["ModelChoices"]["choices"][number];
export type Card = Schemas["ScoreCard"];
export type Comparison = Schemas["Comparison"];

const AGAIN_MS = 30_000;

/** What names the page's domain to routes that take it in their query or body. */
export function useOf(): { domain?: string } {
  const domain = useDomain();
  return domain === undefined ? {} : { domain };
}

/** Adding models and keys is about every domain, and for those who look after all of them. */
export function useKeeper(): boolean {
  return useMe().data?.keeper ?? false;
}

export function useModels() {
  const query = useOf();
  return useQuery({
    queryKey: ["models", "all", query.domain],
    queryFn: () => got(api.GET("/api/v1/models", { params: { query } })),
    refetchInterval: AGAIN_MS,
  });
}

/** The settings of each model, for those who may change them. */
export function useDeclared() {
  return useQuery({
    queryKey: ["models", "declared"],
    queryFn: () => got(everywhere.GET("/api/v1/models/declared")),
    enabled: useKeeper(),
  });
}

export function useChoices() {
  const query = useOf();
  return useQuery({
    queryKey: ["models", "choices", query.domain],
    queryFn: () => got(api.GET("/api/v1/models/default", { params: { query } })),
  });
}

/** The latest trial with what came of it, once there was one. */
export function useComparison() {
  const query = useOf();
  return useQuery({
    queryKey: ["models", "trial", query.domain],
    queryFn: () => got(api.GET("/api/v1/models/trial", { params: { query } })),
    refetchInterval: AGAIN_MS,
  });
}

export function useCards(model?: string) {
  const query = { ...useOf(), ...(model === undefined ? {} : { model }) };
  return useQuery({
    queryKey: ["models", "cards", query.domain, model],
    queryFn: () => got(api.GET("/api/v1/models/conformance", { params: { query } })),
  });
}

/** Costs of one domain, or of all: then the request names none. */
export function useCosts(by: Schemas["Costs"]["by"], days: number, domain: string | undefined, all: boolean) {
  const query = { by, days, ...(all || domain === undefined ? {} : { domain }) };
  return useQuery({
    queryKey: ["models", "costs", query, all],
    queryFn: () => got((all ? everywhere : api).GET("/api/v1/models/costs", { params: { query } })),
  });
}

export function useDays(by: Split, days: number, domain: string | undefined, all: boolean) {
  const query = { by, days, ...(all || domain === undefined ? {} : { domain }) };
  return useQuery({
    queryKey: ["models", "days", query, all],
    queryFn: () => got((all ? everywhere : api).GET("/api/v1/models/days", { params: { query } })),
  });
}

/** Something done about models; then what is shown of them is asked for anew. */
export function useAct<Given = void, Made = unknown>(act: (given: Given) => Promise<Made>, then?: (made: Made, given: Given) => Promise<void> | void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSuccess: (made, given) => then?.(made, given),
    onSettled: () => client.invalidateQueries({ queryKey: ["models"] }),
  });
}

/** Asks one model, or each, for a word. */
export function useCheck() {
  return useAct((model: string | null) => got(api.POST("/api/v1/models/check", { body: { model } })));
}
