import { Container, Group, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

interface PageProps {
  title: string;
  tell?: string;
  /** What can be done here, at the right of the title. */
  acts?: ReactNode;
  size?: "sm" | "md" | "lg" | "xl";
  children: ReactNode;
}

/** The frame of a page that scrolls as a whole: title, a sentence on it, what can be done, content. */
export function Page({ title, tell, acts, size = "lg", children }: PageProps) {
  return (
    <div style={{ height: "100%", overflowY: "auto" }}>
      <Container size={size} py="xl" px={{ base: "md", sm: "xl" }}>
        <Stack gap="lg">
          <Group justify="space-between" align="flex-end" gap="sm">
            <Stack gap={4} maw={640}>
              <Title order={1} size="h2" style={{ overflowWrap: "anywhere" }}>{title}</Title>
              {tell ? <Text c="var(--soft)">{tell}</Text> : null}
            </Stack>
            {acts}
          </Group>
          {children}
        </Stack>
      </Container>
    </div>
  );
}
