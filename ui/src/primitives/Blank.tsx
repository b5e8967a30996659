import { Stack, Text, ThemeIcon, Title } from "@mantine/core";
import type { Icon } from "@tabler/icons-react";
import type { ReactNode } from "react";

interface BlankProps {
  icon: Icon;
  title: string;
  tell: string;
  children?: ReactNode;
}

/** Nothing to show: why that is, and what to do about it. */
export function Blank({ icon: Sign, title, tell, children }: BlankProps) {
  return (
    <Stack align="center" gap="xs" py="xl" px="md" ta="center">
      <ThemeIcon size={56} radius="xl" variant="light" aria-hidden>
        <Sign size={28} stroke={1.5} />
      </ThemeIcon>
      <Title order={2} size="h3" mt="xs">{title}</Title>
      <Text c="var(--soft)" maw={440}>{tell}</Text>
      {children}
    </Stack>
  );
}
