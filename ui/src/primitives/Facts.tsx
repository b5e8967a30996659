import { SimpleGrid, Text } from "@mantine/core";
import type { ReactNode } from "react";

/** What is known of something, each thing under its name. */
export function Facts({ facts }: { facts: [name: string, value: ReactNode][] }) {
  return (
    <SimpleGrid component="dl" m={0} cols={{ base: 2, sm: 3, md: Math.min(4, facts.length) }} spacing="md" verticalSpacing="sm">
      {facts.map(([name, value]) => (
        <div key={name} style={{ minWidth: 0 }}>
          <Text component="dt" size="xs" c="var(--soft)">{name}</Text>
          <Text component="dd" m={0} size="sm" fw={550} style={{ overflowWrap: "anywhere" }}>{value}</Text>
        </div>
      ))}
    </SimpleGrid>
  );
}
