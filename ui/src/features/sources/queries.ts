import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, got, type Schemas } from "@/api/client";
import { useDomain } from "@/app/me";
import { useOnce } from "@/app/once";

export type Source = Schemas["SourceInfo"];
export type Run = Schemas["Run"];

const ACTIVE_MS = 4_000;
const IDLE_MS = 30_000;
const SOON_MS = 1_000;

export const active = (run: Run) => run.state === "queued" || run.state === "running";

export function useSources() {
  const domain = useDomain();
  return useQuery({
    queryKey: ["sources", domain],
    queryFn: () => got(api.GET("/api/v1/sources")),
    refetchInterval: IDLE_MS,
  });
}

export function useSource(source: string) {
  const domain = useDomain();
  return useQuery({
    queryKey: ["sources", domain, source],
    queryFn: () => got(api.GET("/api/v1/sources/{source}", { params: { path: { source } } })),
  });
}

/** The latest runs of a source, or of all; asked for more often while one is under way. */
export function useRuns(source?: string) {
  const domain = useDomain();
  return useQuery({
    queryKey: ["runs", domain, source],
    queryFn: () => got(api.GET("/api/v1/runs", { params: { query: { limit: source === undefined ? 100 : 20, ...(source === undefined ? {} : { source }) } } })),
    refetchInterval: ({ state }) => (state.data?.runs.some(active) ? ACTIVE_MS : IDLE_MS),
  });
}

export function useConnectors() {
  return useQuery({ queryKey: ["connectors"], queryFn: () => got(api.GET("/api/v1/connectors")), staleTime: 600_000 });
}

/** Something done about a source; then what is shown is asked for anew, on the page that it leads to. */
export function useAct<Given = void, Made = unknown>(act: (given: Given) => Promise<Made>, then?: (made: Made) => Promise<void> | void) {
  const client = useQueryClient();
  const once = useOnce(act);
  return useMutation({
    mutationFn: once,
    onSuccess: (made) => then?.(made),
    onSettled: () => Promise.all(["sources", "runs", "documents"].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });
}

/** Have a source read once what reads it now is done: that may have passed by what was put there since. */
export async function readAnew(source: string): Promise<Run> {
  const query = { source, limit: 1 };
  while ((await got(api.GET("/api/v1/runs", { params: { query } }))).runs.some(active)) await new Promise((done) => setTimeout(done, SOON_MS));
  return got(api.POST("/api/v1/sources/{source}/sync", { params: { path: { source } } }));
}

/** Why the first reading of a source was refused, kept for the page that it leads to. */
export const refusal = (source: string) => ["refusal", source];
