/** Questions that were typed and not yet sent, by conversation: whoever comes back finds theirs. */
const NEW = "";
const drafts = new Map<string, string>();

export function draftOf(conversation: string | undefined): string {
  return drafts.get(conversation ?? NEW) ?? "";
}

export function keepDraft(conversation: string | undefined, text: string): void {
  if (text === "") drafts.delete(conversation ?? NEW);
  else drafts.set(conversation ?? NEW, text);
}
