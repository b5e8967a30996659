/** Which sources somebody opened, for those who want the search to learn from it. */
import { useRef } from "react";
import { api } from "@/api/client";
import { agreedTo, useConsent } from "./consent";

/** Says that a citation was opened, once; nothing of it is waited for, and none is missed. */
export function useOpened(trace: string | null | undefined): (n: number) => void {
  const consent = useConsent();
  const told = useRef(new Set<number>());
  return (n) => {
    if (!trace || !consent?.implicit || !agreedTo(consent).includes("retrieval") || told.current.has(n)) return;
    told.current.add(n);
    void api.POST("/api/v1/traces/{trace_id}/feedback", {
      params: { path: { trace_id: trace } },
      body: { signal: "click", target: { kind: "citation", n }, reasons: [], comment: "" },
    });
  };
}
