import { useEffect, useState } from "react";

const SHOWN_MS = 1_500;

/** Pages that are not reached safely have no clipboard; there a field that is copied from helps. */
export async function toClipboard(text: string): Promise<void> {
  if (isSecureContext) return navigator.clipboard.writeText(text);
  const field = document.createElement("textarea");
  field.value = text;
  // In an open dialog, which lets nothing outside of it have the focus.
  (document.querySelector("[role=dialog]") ?? document.body).append(field);
  field.select();
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  document.execCommand("copy");
  field.remove();
}

/** Copies, and knows for a moment that it did. */
export function useCopy(): { copied: boolean; copy: (text: string) => void } {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const forget = setTimeout(() => setCopied(false), SHOWN_MS);
    return () => clearTimeout(forget);
  }, [copied]);
  return { copied, copy: (text) => void toClipboard(text).then(() => setCopied(true)) };
}
