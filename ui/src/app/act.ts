/** Something done on a page: then what it changed is asked for anew, and the page goes on. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useOnce } from "./once";

export function useAct<Given = void, Made = unknown>(changes: string[], act: (given: Given) => Promise<Made>, then?: (made: Made) => Promise<void> | void) {
  const client = useQueryClient();
  const once = useOnce(act);
  return useMutation({
    mutationFn: once,
    onSuccess: (made) => then?.(made),
    onSettled: () => Promise.all(changes.map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });
}
