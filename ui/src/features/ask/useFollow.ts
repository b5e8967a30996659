import { useCallback, useEffect, useRef } from "react";
import type { Live } from "./live";

const NEAR = 120;
/** By these one moves about oneself. */
const MOVES = ["wheel", "touchmove", "pointerdown", "keydown"] as const;

/** Keeps the end of a conversation in sight while it grows, unless one scrolled away from it. */
export function useFollow(live: Live | undefined) {
  const scroller = useRef<HTMLDivElement>(null);
  const near = useRef(true);
  /** An answer was followed to its end: what comes below it then, such as its sources, is shown too. */
  const settling = useRef(false);
  const follow = useCallback(() => {
    near.current = true;
    requestAnimationFrame(() => scroller.current?.scrollTo({ top: scroller.current.scrollHeight }));
  }, []);
  useEffect(() => {
    const at = scroller.current;
    if (at === null) return;
    const noticed = () => {
      near.current = at.scrollHeight - at.scrollTop - at.clientHeight < NEAR;
    };
    const moved = () => {
      settling.current = false;
    };
    if (live) settling.current = true;
    const grown = new ResizeObserver(() => {
      if (live) {
        if (near.current) at.scrollTop = at.scrollHeight;
      } else if (settling.current) {
        // As far as there is room for it without moving its question out of sight.
        const last = [...at.querySelectorAll("article")].at(-1);
        const top = last ? last.getBoundingClientRect().top - at.getBoundingClientRect().top + at.scrollTop : 0;
        at.scrollTop = Math.max(at.scrollTop, Math.min(at.scrollHeight, top));
      }
    });
    at.addEventListener("scroll", noticed, { passive: true });
    if (at.firstElementChild && (live || settling.current)) grown.observe(at.firstElementChild);
    for (const name of MOVES) at.addEventListener(name, moved, { passive: true });
    return () => {
      at.removeEventListener("scroll", noticed);
      for (const name of MOVES) at.removeEventListener(name, moved);
      grown.disconnect();
      if (live && !near.current) settling.current = false;
    };
  }, [live]);
  return { scroller, follow };
}
