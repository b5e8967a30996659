import { Paper, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import css from "./Door.module.css";

/** The frame of what one sees before one is known. */
export function Door({ title, tell, children }: { title: string; tell?: string; children: ReactNode }) {
  return (
    <main className={css.door}>
      <Paper className={css.card} p={{ base: "lg", xs: "xl" }}>
        <Stack gap="lg">
          <Stack gap={6} align="center" ta="center">
            <img src="/static/icon.svg" alt="" width={44} height={44} />
            <Title order={1} size="h2" style={{ overflowWrap: "anywhere" }}>{title}</Title>
            {tell ? <Text c="var(--soft)">{tell}</Text> : null}
          </Stack>
          {children}
        </Stack>
      </Paper>
    </main>
  );
}
