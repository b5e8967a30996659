/** Conversations: all of it belongs to the server, and is asked for again after each change. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient, type InfiniteData, type QueryClient } from "@tanstack/react-query";
import { api, domainOfPage, got, type Schemas } from "@/api/client";
import { useDomain } from "@/app/me";
import { turnOf, type Answering } from "./answering";
import { begin, end, Live, useLive, type Asked } from "./live";
import type { Turn } from "./types";

export interface Talk {
  conversation: Schemas["Conversation"];
  turns: Turn[];
}

const PAGE = 200;
const OPEN_MS = 3_000;

async function whole(look: (after: number) => Promise<Schemas["Talk"]>): Promise<Talk> {
  const first = await look(0);
  const turns: Turn[] = [...first.turns];
  for (let next = first.next; next !== null && next !== undefined; ) {
    const page = await look(next);
    turns.push(...page.turns);
    next = page.next;
  }
  return { conversation: first.conversation, turns };
}

export function useTalk(id: string | undefined) {
  const live = useLive(id) !== undefined;
  return useQuery({
    queryKey: ["talk", id],
    queryFn: () =>
      whole((after) =>
        got(api.GET("/api/v1/conversations/{conversation_id}", { params: { path: { conversation_id: id ?? "" }, query: { after, limit: PAGE } } })),
      ),
    enabled: id !== undefined,
    staleTime: 60_000,
    // Asked elsewhere, in another window say: here one waits for it.
    refetchInterval: (query) => (!live && query.state.data?.turns.some((one) => one.state === "open") ? OPEN_MS : false),
    // Opened again, or come back to, it is shown as it may be seen then.
    gcTime: 0,
    refetchOnWindowFocus: "always",
  });
}

export function useShared(token: string) {
  return useQuery({
    queryKey: ["shared", token],
    queryFn: () => whole((after) => got(api.POST("/api/v1/shared-conversations/look", { body: { token, after, limit: PAGE } }))),
    enabled: token !== "",
    gcTime: 0,
  });
}

export function useTalks(search: string) {
  const domain = useDomain();
  return useInfiniteQuery({
    queryKey: ["talks", domain, search],
    queryFn: ({ pageParam }) =>
      got(
        api.GET("/api/v1/conversations", {
          params: { query: { limit: 50, ...(search && { search }), ...(domain && { domain }), ...(pageParam && { cursor: pageParam }) } },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: (before: InfiniteData<Schemas["Conversations"], string> | undefined) => before,
    refetchOnWindowFocus: true,
  });
}

export function useAbout() {
  const domain = useDomain();
  return useQuery({
    queryKey: ["about", domain],
    queryFn: () => got(api.GET("/api/v1/domains/about", { params: { query: domain ? { domain } : {} } })),
    staleTime: 300_000,
  });
}

/** Begin a conversation for a first question; its id. */
export function useBegin() {
  return useMutation({
    mutationFn: async () => (await got(api.POST("/api/v1/conversations", { body: { domain: domainOfPage() ?? null } }))).id,
  });
}

/** The turns with one more; the server may have told of it already, as of one that is open. */
function withTurn(turns: Turn[], made: Answering): Turn[] {
  const others = turns.filter((one) => one.trace_id !== made.trace);
  return [...others, turnOf(made, (others.at(-1)?.n ?? 0) + 1)];
}

/** The turns as the server counts them: of what was made here more is known than is kept. */
export function inOrder(here: readonly Turn[], told: readonly Turn[]): Turn[] {
  const same = (one: Turn) => (other: Turn) => Boolean(one.trace_id) && one.trace_id === other.trace_id;
  const rest = here.filter((one) => !told.some(same(one)));
  return [...rest, ...told.map((one) => ({ ...(here.find(same(one)) ?? one), n: one.n }))].sort((a, b) => a.n - b.n);
}

/** Elsewhere, in another window say, one may have gone on with a conversation too. */
async function catchUp(client: QueryClient, id: string, made: string): Promise<void> {
  const key = ["talk", id];
  // What has no trace never reached the server, which counts without it.
  const known = (client.getQueryData<Talk>(key)?.turns ?? []).filter((one) => one.trace_id && one.trace_id !== made);
  const last = known.at(-1)?.n ?? 0;
  const told = await whole((after) =>
    got(api.GET("/api/v1/conversations/{conversation_id}", { params: { path: { conversation_id: id }, query: { after: Math.max(after, last), limit: PAGE } } })),
  );
  client.setQueryData<Talk>(key, (now) => now && { conversation: told.conversation, turns: inOrder(now.turns, told.turns) });
}

/** Ask within a conversation. What comes of it is told by `useLive`, and then by the conversation. */
export async function ask(client: QueryClient, id: string, asked: Asked): Promise<void> {
  const live = new Live(asked);
  begin(id, live);
  const made = await live.run(id);
  // A look that is under way may have begun before the answer was kept, and would hide it.
  await client.cancelQueries({ queryKey: ["talk", id] });
  const before = client.getQueryData<Talk>(["talk", id]);
  if (before && made.phase !== "failed")
    client.setQueryData<Talk>(["talk", id], { ...before, turns: withTurn(before.turns, made) });
  else if (!before) await client.invalidateQueries({ queryKey: ["talk", id] });
  if (made.phase !== "failed") end(id);
  // What is shown is right but for its numbers, and they are asked for again with the next answer.
  if (before && made.trace) await catchUp(client, id, made.trace).catch(() => undefined);
  await client.invalidateQueries({ queryKey: ["talks"] });
}

export function useRename(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (title: string) =>
      got(api.PATCH("/api/v1/conversations/{conversation_id}", { params: { path: { conversation_id: id } }, body: { title } })),
    onSuccess: () => Promise.all([client.invalidateQueries({ queryKey: ["talks"] }), client.invalidateQueries({ queryKey: ["talk", id] })]),
  });
}

/** `gone` is told before the list is: whoever asked for it may be gone with its line of the list. */
export function useDelete(id: string, gone: () => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => api.DELETE("/api/v1/conversations/{conversation_id}", { params: { path: { conversation_id: id } } }),
    onSuccess: () => {
      gone();
      client.removeQueries({ queryKey: ["talk", id] });
      return client.invalidateQueries({ queryKey: ["talks"] });
    },
  });
}

export function useShare(id: string) {
  const client = useQueryClient();
  const again = () => Promise.all([client.invalidateQueries({ queryKey: ["talks"] }), client.invalidateQueries({ queryKey: ["talk", id] })]);
  const path = { params: { path: { conversation_id: id } } };
  return {
    share: useMutation({ mutationFn: () => got(api.POST("/api/v1/conversations/{conversation_id}/share", path)), onSuccess: again }),
    unshare: useMutation({ mutationFn: () => got(api.DELETE("/api/v1/conversations/{conversation_id}/share", path)), onSuccess: again }),
  };
}
