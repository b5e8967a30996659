import { Alert, Button, Group, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import type { ReactNode } from "react";

interface NoteProps {
  title: string;
  detail?: string;
  hint?: string;
  /** The way out: what to call it and what it does. */
  act?: { label: string; run: () => void } | undefined;
  children?: ReactNode;
}

/** Something went wrong, said where it happened, with a way out. */
export function Note({ title, detail, hint, act, children }: NoteProps) {
  return (
    <Alert color="red" variant="light" icon={<IconAlertTriangle />} title={title} role="alert">
      {detail ? <Text size="sm" style={{ overflowWrap: "anywhere" }}>{detail}</Text> : null}
      {hint ? <Text size="sm" mt={4} style={{ overflowWrap: "anywhere" }}>{hint}</Text> : null}
      {children}
      {act ? (
        <Group mt="sm">
          <Button size="xs" variant="default" onClick={act.run}>{act.label}</Button>
        </Group>
      ) : null}
    </Alert>
  );
}
