import { Button, Group, Text } from "@mantine/core";
import { useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Trouble } from "@/app/Trouble";
import { useChoice, useUndo } from "./pair";

/** That this answer was chosen of two, and the way back. */
export function Preferred({ n, trace }: { n: number; trace: string }) {
  const { t } = useTranslation("ask");
  const choice = useChoice(trace);
  const undo = useUndo(n, useParams({ strict: false }).talk ?? "", trace);
  if (choice === undefined) return null;
  return (
    <>
      <Group gap="xs" role="status">
        <Text size="sm" c="var(--soft)">{choice.side === "equal" ? t("pair.noted") : t("pair.chosen")}</Text>
        <Button size="compact-xs" variant="subtle" color="gray" loading={undo.isPending} onClick={() => undo.mutate(choice)}>{t("rate.undo")}</Button>
      </Group>
      {undo.error ? <Trouble error={undo.error} /> : null}
    </>
  );
}
