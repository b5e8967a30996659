import { Badge, Button, Group, Stack, Text, Title, UnstyledButton } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Trouble } from "@/app/Trouble";
import css from "./documents.module.css";
import { useChunks, type Chunk } from "./queries";

interface ChunksProps {
  document: string;
  version: number;
  chosen: string | undefined;
  onChoose: (one: Chunk) => void;
}

/** The pieces that are found of a version, as they were cut; each leads to its place in the text. */
export function Chunks({ document, version, chosen, onChoose }: ChunksProps) {
  const { t } = useTranslation(["documents", "app"]);
  const found = useChunks(document, version);
  const all = found.data?.pages.flatMap((page) => page.chunks) ?? [];
  return (
    <Stack gap="xs">
      <div>
        <Title order={3} size="h6">{t("pieces")}</Title>
        <Text size="xs" c="var(--soft)">{t("piecesTell")}</Text>
      </div>
      {found.error ? <Trouble error={found.error} again={() => void found.refetch()} /> : null}
      {found.isPending ? <Text role="status" size="sm">{t("app:loading")}</Text> : null}
      {found.isSuccess && all.length === 0 ? <Text size="sm">{t("answersNothing")}</Text> : null}
      {all.map((one) => (
        <UnstyledButton key={one.chunk_id} className={css.piece ?? ""} aria-pressed={one.chunk_id === chosen} onClick={() => onChoose(one)}>
          <Group justify="space-between" gap="xs" mb={4} wrap="nowrap">
            <Text size="xs" c="var(--soft)" truncate><bdi>{one.header}</bdi></Text>
            <Badge size="sm" variant="default" tt="none" className={css.whole ?? ""}>{one.page ? t("page", { page: one.page }) : one.ordinal + 1}</Badge>
          </Group>
          <Text size="sm" lineClamp={6} className={css.text}>{one.text}</Text>
        </UnstyledButton>
      ))}
      {found.hasNextPage ? <Group><Button size="xs" variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>{t("app:action.more")}</Button></Group> : null}
    </Stack>
  );
}
