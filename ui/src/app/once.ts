import { useRef } from "react";

/** The same work asked for again while it is under way, as by a second click, is that work and no other. */
export function useOnce<Given, Made>(act: (given: Given) => Promise<Made>): (given: Given) => Promise<Made> {
  const running = useRef(new Map<string, Promise<Made>>());
  return (given) => {
    const key = JSON.stringify([given]);
    const made = running.current.get(key) ?? act(given).finally(() => running.current.delete(key));
    running.current.set(key, made);
    return made;
  };
}
