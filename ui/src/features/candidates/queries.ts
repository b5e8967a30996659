import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { api, got, type Schemas } from "@/api/client";
import { events } from "@/api/sse";
import { useDomain } from "@/app/me";

export type Candidate = Schemas["Candidate"];
export type Judgement = Schemas["Judgement"];
export type Gain = Schemas["Gain"];
export type Release = Schemas["Release"];
export type Comparison = Schemas["CandidateComparison"];

const AGAIN_MS = 10_000;

const of = (domain: string | undefined) => (domain === undefined ? {} : { domain });

/** As the server calls it, and as its address does. */
export const nameOf = ({ kind, number }: Candidate) => `${kind}-${number}`;

export function useCandidates() {
  const domain = useDomain();
  return useQuery({ queryKey: ["candidates", domain], queryFn: () => got(api.GET("/api/v1/candidates", { params: { query: of(domain) } })) });
}

export function useCandidate(name: string) {
  const domain = useDomain();
  return useQuery({ queryKey: ["candidates", domain, name], queryFn: () => got(api.GET("/api/v1/candidates/{name}", { params: { path: { name }, query: of(domain) } })) });
}

export function useGains() {
  const domain = useDomain();
  return useQuery({ queryKey: ["candidates", domain, "", "gains"], queryFn: () => got(api.GET("/api/v1/gains", { params: { query: of(domain) } })) });
}

/** The trial that runs or ran last, as people see it now. */
export function useTrial() {
  const domain = useDomain();
  return useQuery({
    queryKey: ["candidates", domain, "", "trial"],
    queryFn: () => got(api.GET("/api/v1/candidates/trial", { params: { query: of(domain) } })),
    refetchInterval: ({ state }) => (state.data?.comparison && !state.data.comparison.trial.ended ? AGAIN_MS : false),
  });
}

function useTrying<T>(send: (said: T, domain: string | undefined) => Promise<unknown>) {
  const domain = useDomain();
  const client = useQueryClient();
  return useMutation({ mutationFn: (said: T) => send(said, domain), onSuccess: () => client.invalidateQueries({ queryKey: ["candidates"] }) });
}

export const useBegin = (candidate: string) => useTrying<number>((share, domain) => got(api.PUT("/api/v1/candidates/trial", { body: { candidate, share, domain: domain ?? null } })));

export const useStop = () => useTrying<null>((_, domain) => got(api.DELETE("/api/v1/candidates/trial", { params: { query: of(domain) } })));

export function useReleases() {
  const domain = useDomain();
  return useQuery({ queryKey: ["releases", domain], queryFn: () => got(api.GET("/api/v1/releases", { params: { query: of(domain) } })) });
}

type Progress = { phase: string; done: number; total: number; spent?: number };
const BEGUN: Progress = { phase: "", done: 0, total: 0 };

/** Work that one looks on at: how far it is, and what came of it. Leaving ends it. */
function useWork<T, Said = void>(path: string, body: (said: Said) => unknown) {
  const client = useQueryClient();
  const leaving = useRef<AbortController | null>(null);
  const [done, step] = useState<Progress>(BEGUN);
  const run = useMutation({
    mutationFn: async (said: Said) => {
      leaving.current = new AbortController();
      step(BEGUN);
      let result: T | undefined;
      for await (const { name, data } of events(path, { body: body(said), signal: leaving.current.signal, last: "result" }))
        if (name === "progress") step(data as Progress);
        else if (name === "result") result = data as T;
      return result;
    },
    onSuccess: () => client.invalidateQueries({ queryKey: ["candidates"] }),
  });
  useEffect(() => () => leaving.current?.abort(), []);
  return { run, done };
}

export type Kind = Candidate["kind"];

/** Those that can be made here; what else there is needs a folder of weights and the command line. */
export const KINDS = ["memory", "adapter", "encoder", "chunking", "reranker", "configuration", "prompt"] as const satisfies readonly Kind[];

/** For how many minutes it is searched, and settings by what is answered or by what is found. */
export type Search = { answers?: boolean; budget: number };
export type Sought = "configuration" | "chunking";

export function useMake() {
  const domain = useDomain();
  return useWork<Candidate, { kind: Kind } & Partial<Search>>("/api/v1/candidates", (said) => ({ ...said, domain: domain ?? null }));
}

/** Whether it changes what is written and no search: then the score of answers tells. */
export const isWritten = ({ kind, lineage }: Candidate) => kind === "llm" || kind === "prompt" || lineage["by"] === "answers";

export function useMeasure(name: string) {
  const domain = useDomain();
  return useWork<Judgement>(`/api/v1/candidates/${name}/reports`, () => ({ domain: domain ?? null }));
}

function useRelease<T>(send: (said: T, domain: string | null) => Promise<Release>) {
  const domain = useDomain();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (said: T) => send(said, domain ?? null),
    onSuccess: async () => {
      await Promise.all([client.invalidateQueries({ queryKey: ["releases"] }), client.invalidateQueries({ queryKey: ["candidates"] })]);
    },
  });
}

export const usePromote = (name: string) => useRelease<string>((why, domain) => got(api.POST("/api/v1/candidates/{name}/promotion", { params: { path: { name } }, body: { why, domain } })));

export interface Back {
  /** A release's number; the one before the live one where there is none. */
  to: number | null;
  /** Also to an index that lacks documents. */
  force: boolean;
}

export const useRollBack = () => useRelease<Back>(({ to, force }, domain) => got(api.POST("/api/v1/releases/rollback", { body: { to, force, why: "", domain } })));
