import { Badge, Button, Checkbox, Group, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconChevronDown, IconChevronRight, IconFileSearch, IconFlag, IconPencil, IconQuestionMark, IconThumbDown, IconThumbUp } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { ago, moment } from "@/app/when";
import { Beside } from "./Beside";
import type en from "./en.json";
import css from "./inbox.module.css";
import { STATES, type State } from "./search";

type Reason = keyof (typeof en)["reason"];
type ToReview = Schemas["ToReview"];

interface VerdictProps {
  one: ToReview;
  /** The first row is where the Tab key comes to. */
  first: boolean;
  chosen: boolean;
  choose: (yes: boolean) => void;
  put: (state: State) => void;
  busy: boolean;
}

/** What somebody said of an answer, with both texts: enough to judge it by. */
export function Verdict({ one, first, chosen, choose, put, busy }: VerdictProps) {
  const { t } = useTranslation("inbox");
  const [opened, open] = useDisclosure(false);
  const { feedback } = one;
  const { kind } = feedback.target;
  const good = (feedback.value ?? 0) > 0;
  const Sign = kind === "missing_document" ? IconFileSearch : feedback.correction && feedback.value === null ? IconPencil : good ? IconThumbUp : IconThumbDown;
  const Chevron = opened ? IconChevronDown : IconChevronRight;
  const word = kind === "missing_document" ? t("said.missing") : kind === "pair" ? t("said.pair") : good ? t("said.up") : t("said.down");
  return (
    <li className={css.line} data-verdict={feedback.id} data-trace={feedback.trace_id} tabIndex={first ? 0 : -1}>
      <Checkbox aria-label={t("choose")} checked={chosen} onChange={(event) => choose(event.currentTarget.checked)} className={css.check} />
      <Stack gap={6} className={css.body}>
        <Group gap="xs">
          <Sign size={16} aria-hidden className={css.sign} />
          <Text fw={600} size="sm">{word}</Text>
          {kind === "citation" || kind === "chunk" ? <Badge variant="light" color="gray" tt="none">{t("said.passage")}</Badge> : null}
          {kind === "span" ? <Badge variant="light" color="gray" tt="none">{t("said.part")}</Badge> : null}
          <Badge variant="light" tt="none" color={COLORS[one.state]}>{t(`state.${one.state}`)}</Badge>
          <Text size="xs" c="var(--soft)" title={moment(feedback.at)}>{t(feedback.rater === "expert" ? "by.expert" : "by.user")} <bdi>{feedback.by}</bdi>, {ago(feedback.at)}, <bdi>{one.model}</bdi></Text>
        </Group>
        <Text size="sm" fw={600} className={css.text}>{one.question}</Text>
        <Text size="sm" className={css.text} lineClamp={4}>{one.abstained ? `${t("abstained")} ` : ""}{one.answer}</Text>
        {feedback.correction ? <Text size="sm" className={css.quote}><b>{t("correction")}:</b> {feedback.correction.text}</Text> : null}
        {kind === "missing_document" ? <Text size="sm" className={css.quote}>{t("missing", { name: feedback.target.name || t("missingKnown") })}</Text> : null}
        {feedback.comment ? <Text size="sm" className={css.quote} lineClamp={8}>{feedback.comment}</Text> : null}
        {feedback.reasons.length ? <Group gap={4}>{feedback.reasons.map((reason) => <Badge key={reason} variant="outline" color="gray" tt="none">{t(`reason.${reason as Reason}`)}</Badge>)}</Group> : null}
        {one.flags.map(({ kind: odd, count }) => (
          <Group key={odd} gap={6} wrap="nowrap" align="flex-start" data-flag={odd}>
            <IconFlag size={16} aria-hidden className={css.odd} />
            <Text size="sm">{t(`flag.tell.${odd}`, { count })}</Text>
          </Group>
        ))}
        {one.reviewer ? <Text size="xs" c="var(--soft)">{t("assign.to")} <bdi>{one.reviewer}</bdi></Text> : null}
        {one.note ? <Text size="xs" c="var(--soft)">{t("note", { note: one.note, by: one.reviewed_by })}</Text> : null}
        <Group gap="xs" mt={2}>
          <Button size="compact-xs" variant="default" aria-expanded={opened} leftSection={<Chevron size={14} />} onClick={open.toggle}>{t("made.open")}</Button>
          {one.gap ? <Button size="compact-xs" variant="default" component={Link} to="/data/gaps" search={{ gap: one.gap } as never} leftSection={<IconQuestionMark size={14} />}>{t("gap")}</Button> : null}
          {STATES.filter((state) => state !== one.state).map((state) => (
            <Button key={state} size="compact-xs" variant="default" disabled={busy} onClick={() => put(state)}>{t(`act.${state}`)}</Button>
          ))}
        </Group>
        {opened ? <Beside trace={feedback.trace_id} /> : null}
      </Stack>
    </li>
  );
}

const COLORS: Record<State, string> = { raw: "gray", accepted: "blue", quarantined: "gray", rejected: "red" };
