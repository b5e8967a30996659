import { useEffect, useRef } from "react";

/** A quote that is pointed at goes by itself. */
const OVER = "[role=dialog]:not([data-quote]), [role=menu], [role=listbox]";

/** Does something at Escape, in fields too, unless something stands over the page: then the key is for that. */
export function useEscape(act: () => void): void {
  const latest = useRef(act);
  useEffect(() => {
    latest.current = act;
  });
  useEffect(() => {
    // Before what stands over the page hears it too and is gone.
    const heard = ({ key, isComposing }: KeyboardEvent) => {
      if (key !== "Escape" || isComposing) return;
      if (![...document.querySelectorAll(OVER)].some((one) => one.checkVisibility())) latest.current();
    };
    window.addEventListener("keydown", heard, { capture: true });
    return () => window.removeEventListener("keydown", heard, { capture: true });
  }, []);
}
