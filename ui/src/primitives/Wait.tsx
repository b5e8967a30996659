import { Center, Loader } from "@mantine/core";

/** Something is on its way. */
export function Wait({ label }: { label?: string }) {
  return <Center h="100%" mih={160} role="status"><Loader {...(label ? { "aria-label": label } : { "aria-hidden": true })} /></Center>;
}
