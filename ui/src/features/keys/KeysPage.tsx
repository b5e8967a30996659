import { Button, CloseButton, Group, Text, TextInput } from "@mantine/core";
import { useDebouncedCallback, useDisclosure } from "@mantine/hooks";
import { IconKey, IconKeyOff, IconPlus, IconUser } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { useMe } from "@/app/me";
import { Trouble } from "@/app/Trouble";
import { Blank } from "@/primitives/Blank";
import { Page } from "@/primitives/Page";
import { KeyList } from "./KeyList";
import { NewKey } from "./NewKey";

/** Everybody's keys: what may be used by a program, for how long, and when it was used last. */
export function KeysPage() {
  const { t } = useTranslation("keys");
  const me = useMe().data;
  const [making, make] = useDisclosure(false);
  if (me === undefined) return null;
  if (me.carrier === "machine")
    return (
      <Page title={t("title")}>
        <Blank icon={IconKeyOff} title={t("noAccounts.title")} tell={t("noAccounts.tell")}><Button component={Link} to="/admin/people" variant="default">{t("noAccounts.how")}</Button></Blank>
      </Page>
    );
  return (
    <Page title={t("title")} tell={t("tell")} size="xl" acts={<Button leftSection={<IconPlus size={16} />} onClick={make.open}>{t("new.open")}</Button>}>
      <Everybodys />
      {making ? <NewKey roles={me.roles} close={make.close} /> : null}
    </Page>
  );
}

function Everybodys() {
  const { t } = useTranslation(["keys", "app"]);
  const { owner = "" } = useSearch({ strict: false });
  const navigate = useNavigate();
  const [typed, setTyped] = useState(owner);
  const seek = useDebouncedCallback((sought: string) => void navigate({ to: "/admin/keys", search: sought ? { owner: sought } : {}, replace: true }), 250);
  const type = (said: string) => {
    setTyped(said);
    seek(said.trim());
  };
  const found = useInfiniteQuery({
    queryKey: ["keys", "all", owner],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam: cursor }) => got(api.GET("/api/v1/keys/all", { params: { query: { limit: 50, ...(owner ? { owner } : {}), ...(cursor === undefined ? {} : { cursor }) } } })),
    getNextPageParam: (page) => page.next ?? undefined,
  });
  const all = found.data?.pages.flatMap((page) => page.keys) ?? [];
  return (
    <>
      <TextInput leftSection={<IconUser size={16} />} rightSection={typed ? <CloseButton size="sm" aria-label={t("clear")} onClick={() => type("")} /> : null} aria-label={t("owner")} placeholder={t("owner")} maxLength={100} value={typed} onChange={(event) => type(event.currentTarget.value)} maw={420} />
      {found.error ? <Trouble error={found.error} again={() => void found.refetch()} /> : null}
      {found.isPending ? <Text role="status">{t("app:loading")}</Text> : null}
      {found.isSuccess && all.length === 0 ? <Blank icon={IconKey} title={t("none.title")} tell={owner ? t("none.owner", { owner }) : t("none.tell")} /> : null}
      {all.length ? <KeyList keys={all} everybodys /> : null}
      {found.hasNextPage ? <Group><Button variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>{t("app:action.more")}</Button></Group> : null}
    </>
  );
}
