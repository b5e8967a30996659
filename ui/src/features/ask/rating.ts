/** One's verdicts on an answer. They belong to the server, which keeps the last one on each target. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, got, type Schemas } from "@/api/client";

export type Feedback = Schemas["Feedback"];
export type Reason = Schemas["Verdict"]["reasons"][number];
type Verdict = Partial<Omit<Schemas["Verdict"], "target">> & { target: Schemas["Verdict"]["target"] };

export function useRatings(trace: string, enabled: boolean) {
  return useQuery({
    queryKey: ["feedback", trace],
    queryFn: async () => (await got(api.GET("/api/v1/traces/{trace_id}/feedback", { params: { path: { trace_id: trace } } }))).feedback,
    enabled,
    staleTime: 300_000,
  });
}

export function useRate(trace: string) {
  const client = useQueryClient();
  return useMutation({
    // One after the other, so that the last word on the page is the last that is kept.
    scope: { id: `rate-${trace}` },
    mutationFn: (said: Verdict) =>
      got(
        api.POST("/api/v1/traces/{trace_id}/feedback", {
          params: { path: { trace_id: trace } },
          body: { signal: "thumb", reasons: [], comment: "", ...said },
        }),
      ),
    onSuccess: (kept) =>
      client.setQueryData<Feedback[]>(["feedback", trace], (before = []) => [...before.filter((one) => one.id !== kept.supersedes && one.id !== kept.id), kept]),
  });
}

export function useRetract(trace: string) {
  const client = useQueryClient();
  return useMutation({
    scope: { id: `rate-${trace}` },
    mutationFn: (id: string) => got(api.DELETE("/api/v1/traces/{trace_id}/feedback/{feedback_id}", { params: { path: { trace_id: trace, feedback_id: id } } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["feedback", trace] }),
  });
}

/** The thumb on the whole answer, if there is one. */
export function ofAnswer(given: readonly Feedback[] | undefined): Feedback | undefined {
  return given?.find((one) => one.target.kind === "answer" && one.signal === "thumb");
}

export function ofCitation(given: readonly Feedback[] | undefined, n: number): Feedback | undefined {
  return given?.find((one) => one.target.kind === "citation" && one.target.n === n);
}
