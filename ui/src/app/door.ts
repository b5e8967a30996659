/** What is remembered while one is at the door: only here in the tab, for no server and no history. */
import { leadsHere } from "./leads";

const NEXT = "ratchet-next";
const REFUSED = "ratchet-refused";
/** Who was signed in until a moment ago. */
let before: string | undefined;

export function wasHere(user: string | undefined): void {
  before = user;
}

/** What this page still holds of anybody is for the same person alone. */
export function isAnother(user: string): boolean {
  return before !== undefined && before !== user;
}

/** Where to go on when one comes back from the identity provider. */
export function goOnAt(address: string): void {
  sessionStorage.setItem(NEXT, address);
}

/** Told once. */
export function whereToGoOn(): string | undefined {
  const kept = sessionStorage.getItem(NEXT);
  sessionStorage.removeItem(NEXT);
  return kept !== null && leadsHere(kept) ? kept : undefined;
}

/** Why the way back from the provider ended here. In a cookie of ours: an address anybody can make up. */
export function refusal(): string {
  const kept = document.cookie.split("; ").find((one) => one.startsWith(`${REFUSED}=`));
  try {
    return decodeURIComponent(kept?.slice(REFUSED.length + 1) ?? "");
  } catch {
    return "";
  }
}

export function forgetRefusal(): void {
  document.cookie = `${REFUSED}=; Max-Age=0; Path=/sign-in`;
}
