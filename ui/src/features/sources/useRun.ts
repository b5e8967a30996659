import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { addressed } from "@/api/client";
import { asProblem } from "@/api/problem";
import { events } from "@/api/sse";
import { active, type Run } from "./queries";

const AGAIN_MS = 2_000;
const pause = (signal: AbortSignal) =>
  new Promise<void>((done) => {
    const timer = setTimeout(done, AGAIN_MS);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      done();
    });
  });

/** A run as it goes on, told by the server; a line that breaks is taken up again until it has ended. */
export function useRun(known: Run): Run {
  const client = useQueryClient();
  const [told, setTold] = useState<Run>(known);
  const { id } = known;
  const live = active(known);
  useEffect(() => {
    if (!live) return;
    const leaving = new AbortController();
    const { signal } = leaving;
    const left = () => signal.aborted;
    const watch = async () => {
      while (!left()) {
        try {
          for await (const event of events(addressed(`/api/v1/runs/${encodeURIComponent(id)}/events`), { signal, last: "result" }))
            setTold(event.data as Run);
          await Promise.all(["sources", "runs", "documents"].map((key) => client.invalidateQueries({ queryKey: [key] })));
          return;
        } catch (error) {
          if (left() || !asProblem(error).retryable) return;
          await pause(signal);
        }
      }
    };
    void watch();
    return () => leaving.abort();
  }, [client, id, live]);
  return told.id === id && live ? told : known;
}
