import { Tooltip } from "@mantine/core";
import { useEffect, useState } from "react";

/** What an element says of itself where it is pointed at or reached by the keyboard. */
export function hint(label: string): { "data-hint": string } {
  return { "data-hint": label };
}

const hinting = (node: EventTarget | null) => (node instanceof Element ? node.closest<HTMLElement>("[data-hint]") : null);

/** The one tooltip of all that `hint`: a long conversation has a thousand of those. */
export function Hints() {
  const [at, setAt] = useState<HTMLElement | null>(null);
  useEffect(() => {
    const over = (event: Event) => setAt(hinting(event.target));
    const into = (event: Event) => {
      const found = hinting(event.target);
      if (found?.matches(":focus-visible, :has(:focus-visible)")) setAt(found);
    };
    const off = () => setAt(null);
    const heard = { pointerover: over, focusin: into, focusout: off, keydown: off };
    for (const [name, on] of Object.entries(heard)) document.addEventListener(name, on, { passive: true });
    return () => {
      for (const [name, on] of Object.entries(heard)) document.removeEventListener(name, on);
    };
  }, []);
  const label = at?.isConnected ? at.dataset["hint"] : undefined;
  return at && label ? <Tooltip key={label} target={at} label={label} opened multiline maw={320} /> : null;
}
