import { useQuery } from "@tanstack/react-query";
import { api, got, type Schemas } from "@/api/client";
import { useDomain } from "@/app/me";
import { nameOf, type Dataset } from "./manifest";

export type Run = Schemas["Run"];
export type Verification = Schemas["Verification"];
const ACTIVE_MS = 1_000;

export const active = (run: Run) => run.state === "queued" || run.state === "running";

/** What a run is about: a dataset's name, with its number where that is known. */
export const datasetOf = ({ report, wanted }: Run) => (report?.["dataset"] ?? wanted?.["dataset"] ?? "") as string;

/** The latest builds; asked for again and again while one is under way. */
export function useBuilds() {
  const domain = useDomain();
  return useQuery({
    queryKey: ["builds", domain],
    queryFn: () => got(api.GET("/api/v1/dataset-builds")),
    refetchInterval: ({ state }) => (state.data?.runs.some(active) ? ACTIVE_MS : false),
  });
}

/** What libraries said of a version, and what goes on. */
export function useVerifications(one: Dataset) {
  const domain = useDomain();
  return useQuery({
    queryKey: ["verifications", domain, one.version],
    queryFn: () => got(api.GET("/api/v1/datasets/{name}/verifications", { params: { path: { name: nameOf(one) } } })),
    refetchInterval: ({ state }) => (state.data?.runs.some(active) ? ACTIVE_MS : false),
  });
}

export function useFormats() {
  return useQuery({ queryKey: ["datasets", "formats"], queryFn: () => got(api.GET("/api/v1/dataset-formats")), staleTime: 600_000 });
}
