import { Group, Paper, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

interface PanelProps {
  title: string;
  tell?: string;
  /** What can be done about it, at the right of the title. */
  acts?: ReactNode;
  children?: ReactNode;
}

/** A part of a page with a name of its own. */
export function Panel({ title, tell, acts, children }: PanelProps) {
  return (
    <Paper component="section" withBorder p={{ base: "md", sm: "lg" }} bg="var(--raised)" aria-label={title}>
      <Stack gap="sm">
        <Group justify="space-between" align="flex-start" gap="sm">
          <Stack gap={2} maw={560}>
            <Title order={2} size="h4">{title}</Title>
            {tell ? <Text c="var(--soft)" size="sm">{tell}</Text> : null}
          </Stack>
          {acts}
        </Group>
        {children}
      </Stack>
    </Paper>
  );
}
