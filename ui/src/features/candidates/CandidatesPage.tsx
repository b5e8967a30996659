import { Badge, Button, Menu, Stack, Table, Text } from "@mantine/core";
import { IconPlus, IconTrendingUp } from "@tabler/icons-react";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { TFunction } from "i18next";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { counted, lasting } from "@/app/lasting";
import { Loaded } from "@/app/Loaded";
import { Trouble } from "@/app/Trouble";
import { ago, moment } from "@/app/when";
import { Blank } from "@/primitives/Blank";
import { Page } from "@/primitives/Page";
import { CandidatePanel } from "./CandidatePanel";
import css from "./candidates.module.css";
import { Gains } from "./Gains";
import { KINDS, nameOf, useCandidates, useMake, type Kind, type Search, type Sought } from "./queries";
import { Releases } from "./Releases";
import { Searching } from "./Searching";
import { Tried } from "./Tried";

const COLOUR = { made: "gray", promoted: "green", refused: "red" } as const;

export function CandidatesPage() {
  const { t } = useTranslation("candidates");
  const search = useSearch({ strict: false });
  const named = "candidate" in search ? search.candidate : undefined;
  const navigate = useNavigate();
  const found = useCandidates();
  const { run, done } = useMake();
  const open = (candidate: string | undefined) => void navigate({ to: "/data/candidates", search: candidate === undefined ? {} : { candidate } });
  const [sought, seek] = useState<Sought>();
  const make = (kind: Kind, by?: Search) => run.mutate({ kind, ...by }, { onSuccess: (one) => { if (one) open(nameOf(one)); } });
  return (
    <Page title={t("title")} tell={t("tell")} acts={(
      <Menu position="bottom-end" withinPortal>
        <Menu.Target><Button leftSection={<IconPlus size={16} />} loading={run.isPending}>{t("make")}</Button></Menu.Target>
        <Menu.Dropdown maw={340}>
          {KINDS.map((kind) => (
            <Menu.Item key={kind} onClick={() => (kind === "configuration" || kind === "chunking" ? seek(kind) : make(kind))}>
              <Text size="sm" fw={600}>{t(`kind.${kind}`)}</Text>
              <Text size="xs" c="var(--soft)">{t(`kindTell.${kind}`)}</Text>
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    )}>
      <Searching kind={sought} close={() => seek(undefined)} begin={make} />
      <Text role="status" size="sm" c="var(--soft)">{run.isPending ? farther(done, t) : ""}</Text>
      {run.error ? <Trouble error={run.error} /> : null}
      <Loaded query={found}>
        {({ candidates }) => candidates.length === 0 ? <Blank icon={IconTrendingUp} title={t("none.title")} tell={t("none.tell")} /> : (
          <Stack gap="lg">
            {named === undefined ? null : <CandidatePanel key={named} name={named} close={() => open(undefined)} />}
            <Tried />
            <Table.ScrollContainer minWidth={360}>
              <Table className={css.table} verticalSpacing="sm" highlightOnHover>
                <Table.Thead><Table.Tr><Table.Th>{t("candidate")}</Table.Th><Table.Th>{t("is")}</Table.Th><Table.Th>{t("made")}</Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>
                  {candidates.map((one) => (
                    <Table.Tr key={one.id}>
                      <Table.Td><Button variant="transparent" size="compact-sm" px={0} aria-expanded={nameOf(one) === named} onClick={() => open(nameOf(one) === named ? undefined : nameOf(one))}>{nameOf(one)}</Button></Table.Td>
                      <Table.Td><Badge color={COLOUR[one.state]} variant={one.state === "made" ? "light" : "filled"} tt="none">{t(`state.${one.state}`)}</Badge></Table.Td>
                      <Table.Td><Text size="sm" title={moment(one.created_at)}>{ago(one.created_at)}</Text><Text size="xs" c="var(--soft)"><bdi>{one.created_by}</bdi></Text></Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
            <Gains />
            <Releases candidates={candidates} />
          </Stack>
        )}
      </Loaded>
    </Page>
  );
}

/** How far the making of a candidate is. */
function farther({ phase, done, total, spent }: { phase: string; done: number; total: number; spent?: number }, t: TFunction<"candidates">) {
  const of = { done: counted(done), total: counted(total) };
  if (phase === "train") return total ? t("training", of) : t("trainingBegins");
  if (phase === "cut") return t("cutting", of);
  if (phase === "rebuild") return t("indexing", of);
  if (spent) return t("searched", { ...of, spent: lasting(spent) });
  return total ? t("measured", of) : t("remembered", { count: done });
}
