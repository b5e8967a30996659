/** Files on their way into a source that keeps what is uploaded. Only this page knows of them. */
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useRef, useState } from "react";
import { addressed, headers } from "@/api/client";
import { problemOf, unreachable, type Problem } from "@/api/problem";

export interface Sending {
  id: number;
  file: File;
  state: "waiting" | "sending" | "done" | "refused" | "taken";
  /** How much of it was sent, in percent. */
  share: number;
  problem?: Problem;
}

/** The server receives as many at once. */
const AT_ONCE = 2;

/** Sends a file, telling how far it is. Throws Problem. */
export function put(source: string, file: File, sent: (share: number) => void): Promise<void> {
  return new Promise((done, refuse) => {
    const line = new XMLHttpRequest();
    line.open("PUT", addressed(`/api/v1/sources/${encodeURIComponent(source)}/uploads/${encodeURIComponent(file.name)}`));
    for (const [name, value] of Object.entries(headers())) line.setRequestHeader(name, value);
    line.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    line.upload.onprogress = ({ loaded, total }) => sent(total ? Math.round((100 * loaded) / total) : 100);
    line.onerror = () => refuse(unreachable());
    line.onload = () => (line.status < 300 ? done() : refuse(problemOf(said(line.responseText), line.status)));
    line.send(file);
  });
}

function said(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** What to do with each chosen file: one whose name is there already waits to be told that it may replace it. */
export function queued(files: readonly File[], taken: ReadonlySet<string>, first: number): Sending[] {
  return files.map((file, at) => ({ id: first + at, file, state: taken.has(file.name) ? "taken" : "waiting", share: 0 }));
}

export function useUploading(source: string, then: () => void) {
  const client = useQueryClient();
  const [all, setAll] = useState<Sending[]>([]);
  const known = useRef<Sending[]>([]);
  const busy = useRef(0);
  const next = useRef(0);
  const sent = useRef(false);
  const change = useCallback((next: Sending[]) => {
    known.current = next;
    setAll(next);
  }, []);
  const mend = useCallback((id: number, changes: Partial<Sending>) => change(known.current.map((one) => (one.id === id ? { ...one, ...changes } : one))), [change]);
  const go = useCallback(async () => {
    if (busy.current >= AT_ONCE) return;
    busy.current += 1;
    for (let one = known.current.find(({ state }) => state === "waiting"); one; one = known.current.find(({ state }) => state === "waiting")) {
      const { id, file } = one;
      mend(id, { state: "sending", share: 0 });
      await put(source, file, (share) => mend(id, { share })).then(
        () => {
          sent.current = true;
          mend(id, { state: "done", share: 100 });
        },
        (problem: unknown) => mend(id, { state: "refused", problem: problem as Problem }),
      );
    }
    busy.current -= 1;
    // Whoever is the last says so, for all.
    const news = busy.current === 0 && sent.current;
    if (news) sent.current = false;
    await client.invalidateQueries({ queryKey: ["uploads"] });
    if (news) then();
  }, [client, mend, source, then]);
  const begin = () => {
    for (let one = 0; one < AT_ONCE; one += 1) void go();
  };
  return {
    all,
    add: (files: readonly File[], taken: ReadonlySet<string>) => {
      change([...known.current, ...queued(files, taken, next.current)]);
      // Never one that was given before: what was dropped from the list is not another's number.
      next.current += files.length;
      begin();
    },
    again: (id: number) => {
      mend(id, { state: "waiting" });
      begin();
    },
    drop: (id: number) => change(known.current.filter((one) => one.id !== id)),
  };
}
