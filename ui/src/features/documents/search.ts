/** What the address says of the list of documents: what is sought, which page, and what is open. */

export interface DocumentsSearch {
  search?: string;
  source?: string;
  state?: "failed" | "held";
  /** The last document of the page before. */
  after?: string;
  open?: string;
  version?: number;
}

const word = (said: unknown, most: number) => (typeof said === "string" && said !== "" ? said.slice(0, most) : undefined);

export function documentsOf(said: Record<string, unknown>): DocumentsSearch {
  const version = Number(said["version"]);
  const state = said["state"];
  const found = {
    search: word(said["search"], 200),
    source: word(said["source"], 200),
    state: state === "failed" || state === "held" ? state : undefined,
    after: word(said["after"], 200),
    open: word(said["open"], 200),
    version: Number.isSafeInteger(version) && version > 0 ? version : undefined,
  };
  return Object.fromEntries(Object.entries(found).filter(([, one]) => one !== undefined));
}

/** What to call a document: by its title, else as its address ends. */
export function called({ title, uri }: { title: string; uri: string }): string {
  const end = uri.replace(/\/+$/, "").split("/").at(-1) ?? "";
  try {
    return title || decodeURIComponent(end) || uri;
  } catch {
    return end || uri;
  }
}
