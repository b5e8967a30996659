import { Badge, Button, Code, Group, Stack, Text, UnstyledButton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconChevronDown, IconChevronRight, IconListSearch } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, got, type Schemas } from "@/api/client";
import { Trouble } from "@/app/Trouble";
import { ago, moment } from "@/app/when";
import { Blank } from "@/primitives/Blank";
import { Page } from "@/primitives/Page";
import css from "./audit.module.css";
import { Filters } from "./Filters";
import { auditFiltersOf, keyOf, queryOf, type Act } from "./filters";

type Entry = Schemas["Entry"];
/** What one does about oneself needs no second name. */
const OWN = new Set(["sign in", "join", "change password", "retention", "rotate keys"]);

export function AuditPage() {
  const { t } = useTranslation(["audit", "app"]);
  const filters = auditFiltersOf(useSearch({ strict: false }));
  const found = useInfiniteQuery({
    queryKey: ["audit", filters],
    initialPageParam: undefined as number | undefined,
    queryFn: ({ pageParam: before }) => got(api.GET("/api/v1/audit", { params: { query: { limit: 50, ...queryOf(filters), ...(before === undefined ? {} : { before }) } } })),
    getNextPageParam: (page) => page.next ?? undefined,
  });
  const all = found.data?.pages.flatMap((page) => page.entries) ?? [];
  const narrowed = Object.keys(filters).length > 0;
  return (
    <Page title={t("title")} tell={t("tell")}>
      <Filters filters={filters} />
      {found.error ? <Trouble error={found.error} again={() => void found.refetch()} /> : null}
      {found.isPending ? <Text role="status">{t("app:loading")}</Text> : null}
      {found.isSuccess && all.length === 0 ? <Blank icon={IconListSearch} title={t("none.title")} tell={narrowed ? t("none.filtered") : t("none.tell")} /> : null}
      {all.length ? <Stack component="ol" gap={0} m={0} p={0} className={css.list} aria-label={t("title")}>{all.map((one) => <Line key={one.id} entry={one} />)}</Stack> : null}
      {found.hasNextPage ? <Group><Button variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>{t("app:action.more")}</Button></Group> : null}
    </Page>
  );
}

/** One act in a sentence; what else is known of it, on demand. */
function Line({ entry }: { entry: Entry }) {
  const { t, i18n } = useTranslation("audit");
  const [opened, open] = useDisclosure(false);
  const key = keyOf(entry.act);
  const known = i18n.exists(`audit:act.${key}`);
  const details = Object.entries(entry.details).filter(([, value]) => value !== null && value !== "");
  const group = entry.details["group"];
  const refused = entry.act.endsWith(" refused");
  const Sign = opened ? IconChevronDown : IconChevronRight;
  return (
    <li className={css.line}>
      <UnstyledButton className={css.head} aria-expanded={opened} onClick={open.toggle}>
        <Sign size={16} aria-hidden className={css.sign} />
        <span className={css.said}>
          <bdi className={css.who}>{entry.actor}</bdi>{" "}
          {known ? t(`act.${key as Act}`) : entry.act}
          {entry.object && !OWN.has(entry.act) ? <>{": "}<bdi className={css.what}>{entry.object}</bdi></> : null}
          {typeof group === "string" ? <>{" → "}<bdi className={css.what}>{group}</bdi></> : null}
        </span>
        {refused ? <Badge variant="light" color="red" tt="none" flex="none">{t("refused")}</Badge> : null}
        <Text component="span" size="xs" c="var(--soft)" flex="none" title={moment(entry.ts)}>{ago(entry.ts)}</Text>
      </UnstyledButton>
      {opened ? (
        <dl className={css.details}>
          <Detail name={t("when")} value={moment(entry.ts)} />
          <Detail name={t("actName")} value={entry.act} />
          {entry.object ? <Detail name={t("object")} value={entry.object} /> : null}
          {details.map(([name, value]) => <Detail key={name} name={name} value={typeof value === "string" ? value : JSON.stringify(value)} />)}
        </dl>
      ) : null}
    </li>
  );
}

function Detail({ name, value }: { name: string; value: string }) {
  return (
    <div className={css.detail}>
      <dt>{name}</dt>
      <dd><Code className={css.value}>{value}</Code></dd>
    </div>
  );
}
