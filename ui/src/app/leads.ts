/** Whether an address is one of this page: "https://elsewhere", "//elsewhere" and "/\elsewhere" lead away. */
export function leadsHere(address: string): boolean {
  if (!address.startsWith("/")) return false;
  try {
    return new URL(address, location.origin).origin === location.origin;
  } catch {
    return false;
  }
}
