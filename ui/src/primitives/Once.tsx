import { Alert, Button, Group, Text, TextInput } from "@mantine/core";
import { IconCheck, IconCopy, IconKey } from "@tabler/icons-react";
import { useCopy } from "@/app/clipboard";

interface OnceProps {
  title: string;
  /** For whom it is and how long it is good. */
  tell: string;
  label: string;
  value: string;
  copy: string;
  copied: string;
}

/** Something that is shown this one time: to be copied before it is gone. */
export function Once({ title, tell, label, value, copy, copied }: OnceProps) {
  const clipboard = useCopy();
  return (
    <Alert color="green" variant="light" icon={<IconKey />} title={title} role="status">
      <Text size="sm">{tell}</Text>
      <Group gap="xs" mt="sm" align="flex-end">
        <TextInput flex={1} miw={200} label={label} value={value} readOnly onFocus={(event) => event.currentTarget.select()} />
        <Button leftSection={clipboard.copied ? <IconCheck size={16} /> : <IconCopy size={16} />} onClick={() => clipboard.copy(value)}>{clipboard.copied ? copied : copy}</Button>
      </Group>
    </Alert>
  );
}
