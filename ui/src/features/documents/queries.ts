/** The documents and their pieces: all of it is the server's. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, got, type Schemas } from "@/api/client";
import { useDomain } from "@/app/me";
import type { DocumentsSearch } from "./search";

export type Document = Schemas["DocumentInfo"];
export type Chunk = Schemas["Payload"];

const PAGE = 50;

/** One page of the list: however many documents there are, so many rows are drawn. */
export function useDocuments({ search = "", source, state, after }: DocumentsSearch) {
  const domain = useDomain();
  const query = {
    limit: PAGE,
    search,
    ...(source === undefined ? {} : { source }),
    ...(state === undefined ? {} : { [state]: true }),
    ...(after === undefined ? {} : { cursor: after }),
  };
  return useQuery({
    queryKey: ["documents", domain, "page", query],
    queryFn: () => got(api.GET("/api/v1/documents", { params: { query } })),
    placeholderData: (before) => before,
  });
}

export function useChunks(document_id: string, version: number) {
  const path = { document_id, version };
  const domain = useDomain();
  return useInfiniteQuery({
    queryKey: ["chunks", domain, document_id, version],
    initialPageParam: 0,
    queryFn: ({ pageParam: after }) => got(api.GET("/api/v1/documents/{document_id}/versions/{version}/chunks", { params: { path, query: { after, limit: PAGE } } })),
    getNextPageParam: (page) => page.next ?? undefined,
  });
}

/** Tries a document once more, and at once: its source is read. */
export function useRetry({ id, source }: Document) {
  const params = { path: { source } };
  return useChange(async () => {
    await got(api.POST("/api/v1/sources/{source}/retry", { params, body: { document_id: id } }));
    return got(api.POST("/api/v1/sources/{source}/sync", { params }));
  });
}

export function useErase(document_id: string, then: () => void) {
  return useChange(() => got(api.DELETE("/api/v1/documents/{document_id}", { params: { path: { document_id } } })), then);
}

function useChange<Made>(act: () => Promise<Made>, then?: () => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSuccess: () => then?.(),
    onSettled: () => Promise.all(["documents", "sources", "runs"].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });
}
