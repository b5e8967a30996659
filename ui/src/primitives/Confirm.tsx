import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";

interface ConfirmProps {
  opened: boolean;
  title: string;
  /** What will happen, and what cannot be taken back. */
  tell: string;
  /** The button that does it, named by what it does. */
  act: string;
  cancel: string;
  busy?: boolean;
  danger?: boolean;
  onAct: () => void;
  onClose: () => void;
  children?: ReactNode;
}

/** Asks once more before something that cannot be taken back. */
export function Confirm({ opened, title, tell, act, cancel, busy, danger, onAct, onClose, children }: ConfirmProps) {
  return (
    <Modal opened={opened} onClose={onClose} title={title} closeButtonProps={{ "aria-label": cancel }}>
      <Stack gap="md">
        <Text size="sm" style={{ overflowWrap: "anywhere" }}>{tell}</Text>
        {children}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>{cancel}</Button>
          <Button {...(danger ? { color: "red" } : {})} loading={busy ?? false} onClick={onAct}>{act}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
