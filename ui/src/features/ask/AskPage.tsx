import { ActionIcon, Skeleton, Stack, Tooltip } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { IconShare2 } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Trouble } from "@/app/Trouble";
import { SourceBeside } from "@/features/source";
import { Side } from "@/primitives/Side";
import css from "./AskPage.module.css";
import { Composer } from "./Composer";
import { FilterMenu } from "./FilterMenu";
import { draftOf, keepDraft } from "./drafts";
import { filterOf, filtersOf } from "./filters";
import { History } from "./History";
import { end, useFailed, useLive } from "./live";
import { LiveTurn } from "./LiveTurn";
import { ShareDialog } from "./ShareDialog";
import { useSource } from "./source";
import { ask, useAbout, useBegin, useTalk } from "./talks";
import { TurnView } from "./Turn";
import { useEscape } from "./useEscape";
import { useFollow } from "./useFollow";
import { Welcome } from "./Welcome";

/** A conversation: its history beside it, what was said, and where one asks. */
export function AskPage() {
  const { t } = useTranslation("ask");
  const { t: common } = useTranslation();
  const id = useParams({ strict: false }).talk;
  return (
    <Side label={t("history.title")} close={common("action.close")} side={(chosen) => <History open={id} chosen={chosen} />}>
      <Conversation key={id ?? "new"} id={id} />
    </Side>
  );
}

function Conversation({ id }: { id: string | undefined }) {
  const { t } = useTranslation("ask");
  const client = useQueryClient();
  const navigate = useNavigate();
  const search = useSearch({ strict: false });
  const filters = useMemo(() => filtersOf(search as Record<string, unknown>), [search]);
  const talk = useTalk(id);
  const live = useLive(id);
  const about = useAbout();
  const { mutateAsync: begin, error: unbegun } = useBegin();
  const [draft, setDraft] = useState({ text: draftOf(id), at: 0 });
  const [sharing, setSharing] = useState(false);
  // What is being made here is shown as it grows.
  const turns = useMemo(() => (talk.data?.turns ?? []).filter((one) => !live || one.state !== "open"), [talk.data, live]);
  const source = useSource(turns, live);
  const { scroller, follow } = useFollow(live);

  const send = useCallback(
    async (question: string, fresh = false) => {
      const asked = { question: question.trim(), filter: filterOf(filters), fresh };
      if (id !== undefined) {
        follow();
        return ask(client, id, asked);
      }
      const made = await begin();
      void ask(client, made, asked);
      await navigate({ to: "/c/$talk", params: { talk: made }, search: (before) => before, replace: false });
    },
    [id, filters, client, navigate, begin, follow],
  );
  const edit = useCallback((text: string) => setDraft(({ at }) => ({ text, at: at + 1 })), []);
  // What could not even be begun is put back, to be sent again.
  const submit = (question: string) =>
    void send(question).catch(() => {
      keepDraft(id, question);
      edit(question);
    });
  const again = useCallback((question: string) => void send(question, true), [send]);
  useHotkeys([["/", () => document.querySelector<HTMLElement>("form textarea")?.focus()]]);
  useEscape(() => (source.citation ? source.close() : live?.stop()));
  useEffect(() => {
    document.title = talk.data?.conversation.title ? `${talk.data.conversation.title} · Ratchet` : "Ratchet";
  }, [talk.data?.conversation.title]);

  const failed = useFailed(live);
  return (
    <div className={css.beside} data-source={source.citation !== undefined}>
      <div className={css.talk}>
        {talk.data ? (
          <div className={css.share}>
            <Tooltip label={t("share.title")}><ActionIcon aria-label={t("share.title")} onClick={() => setSharing(true)}><IconShare2 size={18} stroke={1.7} /></ActionIcon></Tooltip>
          </div>
        ) : null}
        {sharing && talk.data && id ? <ShareDialog id={id} since={talk.data.conversation.shared_at ?? null} close={() => setSharing(false)} /> : null}
        <div className={css.scroll} ref={scroller} tabIndex={0} role="region" aria-label={t("conversation")}>
          <div className={css.column}>
            {id === undefined ? <Welcome onAsk={submit} /> : null}
            {talk.error ? <Trouble error={talk.error} again={() => void talk.refetch()} /> : null}
            {unbegun ? <Trouble error={unbegun} /> : null}
            {id !== undefined && talk.isPending && !live ? <Stack><Skeleton h={28} w="70%" /><Skeleton h={120} /></Stack> : null}
            {turns.map((turn) => <TurnView key={turn.trace_id ?? turn.n} turn={turn} onCite={source.open} onAgain={again} onEdit={edit} />)}
            {live ? (
              <LiveTurn
                live={live}
                n={(turns.at(-1)?.n ?? 0) + 1}
                onCite={source.open}
                onAgain={() => {
                  if (id) end(id);
                  void send(live.asked.question);
                }}
              />
            ) : null}
          </div>
        </div>
        <div className={css.foot}>
          <div className={css.column}>
            <Composer key={draft.at} draft={draft.text} onSend={submit} onType={(text) => keepDraft(id, text)} onStop={live && !failed ? live.stop : undefined}>
              <FilterMenu filters={filters} sources={about.data?.sources ?? []} onChange={(chosen) => void navigate({ to: ".", search: (before: Record<string, unknown>) => ({ domain: before["domain"], source: before["source"], ...chosen }) as never, replace: true })} />
            </Composer>
          </div>
        </div>
      </div>
      <SourceBeside citation={source.citation} count={source.count} onStep={source.step} onClose={source.close} />
    </div>
  );
}
