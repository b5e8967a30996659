import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Trouble } from "@/app/Trouble";
import { day } from "@/app/when";
import { useCopy } from "@/app/clipboard";
import { useShare } from "./talks";

/** A link for people of the domain, which shows each what they may read themselves. */
export function ShareDialog({ id, since, close }: { id: string; since: string | null; close: () => void }) {
  const { t } = useTranslation("ask");
  const { t: common } = useTranslation();
  const { share, unshare } = useShare(id);
  const { copied, copy } = useCopy();
  const link = share.data?.link;
  const failed = share.error ?? unshare.error;
  return (
    <Modal opened onClose={close} title={t("share.title")} closeButtonProps={{ "aria-label": common("action.close") }}>
      <Stack>
        <Text size="sm">{t("share.tell")}</Text>
        {failed ? <Trouble error={failed} /> : null}
        {link ? (
          <Group gap="xs" wrap="nowrap" align="flex-end">
            <TextInput style={{ flex: 1 }} label={t("share.link")} value={link} readOnly onFocus={(event) => event.currentTarget.select()} />
            <Button onClick={() => copy(link)}>{copied ? common("action.copied") : common("action.copy")}</Button>
          </Group>
        ) : null}
        {since && !link ? <Text size="sm" c="var(--soft)">{t("share.since", { day: day(since) })}</Text> : null}
        <Group>
          {link ? null : <Button onClick={() => share.mutate()} loading={share.isPending}>{since ? t("share.renew") : t("share.make")}</Button>}
          {since ?? link ? <Button variant="default" loading={unshare.isPending} onClick={() => unshare.mutate(undefined, { onSuccess: close })}>{t("share.end")}</Button> : null}
        </Group>
      </Stack>
    </Modal>
  );
}
