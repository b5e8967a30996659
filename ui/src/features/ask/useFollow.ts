import { useCallback, useEffect, useRef } from "react";
import type { Live } from "./live";

const NEAR = 120;

/** Keeps the end of a conversation in sight while it grows, unless one scrolled away from it. */
export function useFollow(live: Live | undefined) {
  const scroller = useRef<HTMLDivElement>(null);
  const near = useRef(true);
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
    const grown = new ResizeObserver(() => {
      if (near.current) at.scrollTop = at.scrollHeight;
    });
    at.addEventListener("scroll", noticed, { passive: true });
    if (at.firstElementChild && live) grown.observe(at.firstElementChild);
    return () => {
      at.removeEventListener("scroll", noticed);
      grown.disconnect();
    };
  }, [live]);
  return { scroller, follow };
}
