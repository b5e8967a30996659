import { ActionIcon, Button, Group, Menu, Modal, Stack, Text, TextInput } from "@mantine/core";
import { IconDots, IconPencil, IconShare2, IconTrash } from "@tabler/icons-react";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { Trouble } from "@/app/Trouble";
import css from "./History.module.css";
import { ShareDialog } from "./ShareDialog";
import { useDelete, useRename } from "./talks";

/** A conversation in the list, with what can be done to it. */
export function HistoryItem({ talk, active, chosen }: { talk: Schemas["Conversation"]; active: boolean; chosen: () => void }) {
  const { t } = useTranslation("ask");
  const [dialog, setDialog] = useState<"rename" | "delete" | "share" | null>(null);
  const close = () => setDialog(null);
  return (
    <div className={css.item} data-active={active}>
      <Link to="/c/$talk" params={{ talk: talk.id }} className={css.link} aria-current={active ? "page" : undefined} title={talk.title} onClick={chosen}><bdi>{talk.title}</bdi></Link>
      {talk.shared_at ? <IconShare2 size={14} aria-label={t("share.is")} className={css.sign} /> : null}
      <Menu position="bottom-end" withinPortal>
        <Menu.Target><ActionIcon size="sm" className={css.more} aria-label={t("history.menu", { title: talk.title })}><IconDots size={16} /></ActionIcon></Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil size={16} />} onClick={() => setDialog("rename")}>{t("history.rename")}</Menu.Item>
          <Menu.Item leftSection={<IconShare2 size={16} />} onClick={() => setDialog("share")}>{t("share.title")}</Menu.Item>
          <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={() => setDialog("delete")}>{t("history.delete")}</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {dialog === "rename" ? <Rename talk={talk} close={close} /> : null}
      {dialog === "delete" ? <Delete talk={talk} active={active} close={close} /> : null}
      {dialog === "share" ? <ShareDialog id={talk.id} since={talk.shared_at ?? null} close={close} /> : null}
    </div>
  );
}

function Rename({ talk, close }: { talk: Schemas["Conversation"]; close: () => void }) {
  const { t } = useTranslation("ask");
  const { t: common } = useTranslation();
  const [title, setTitle] = useState(talk.title);
  const rename = useRename(talk.id);
  return (
    <Modal opened onClose={close} title={t("history.rename")} closeButtonProps={{ "aria-label": common("action.close") }}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          rename.mutate(title.trim(), { onSuccess: close });
        }}
      >
        <Stack>
          <TextInput label={t("history.name")} value={title} maxLength={200} data-autofocus onChange={(event) => setTitle(event.currentTarget.value)} />
          {rename.error ? <Trouble error={rename.error} /> : null}
          <Group justify="flex-end"><Button variant="default" onClick={close}>{common("action.cancel")}</Button><Button type="submit" loading={rename.isPending} disabled={!title.trim()}>{common("action.save")}</Button></Group>
        </Stack>
      </form>
    </Modal>
  );
}

function Delete({ talk, active, close }: { talk: Schemas["Conversation"]; active: boolean; close: () => void }) {
  const { t } = useTranslation("ask");
  const { t: common } = useTranslation();
  const navigate = useNavigate();
  const remove = useDelete(talk.id, () => {
    close();
    if (active) void navigate({ to: "/" });
  });
  return (
    <Modal opened onClose={close} title={t("history.deleteTitle")} closeButtonProps={{ "aria-label": common("action.close") }}>
      <Stack>
        <Text size="sm" style={{ overflowWrap: "anywhere" }}><bdi>{talk.title}</bdi></Text>
        <Text size="sm" c="var(--soft)">{t("history.deleteTell")}</Text>
        {remove.error ? <Trouble error={remove.error} /> : null}
        <Group justify="flex-end"><Button variant="default" onClick={close} data-autofocus>{common("action.cancel")}</Button><Button color="red" loading={remove.isPending} onClick={() => remove.mutate()}>{common("action.delete")}</Button></Group>
      </Stack>
    </Modal>
  );
}
