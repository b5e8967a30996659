import { Badge, Button, Group, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconChevronDown, IconChevronRight, IconInbox } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { ago, day, moment } from "@/app/when";
import css from "./gaps.module.css";
import { Questions } from "./Questions";
import type { GapsSearch } from "./search";

/** One gap: how many want to know, since when, what they miss, and whether it is answered by now. */
export function GapLine({ gap, search }: { gap: Schemas["ToldGap"]; search: GapsSearch }) {
  const { t } = useTranslation("gaps");
  const [opened, open] = useDisclosure(false);
  const since = gap.answered !== null && Date.parse(gap.answered) > Date.parse(gap.last);
  const Sign = opened ? IconChevronDown : IconChevronRight;
  return (
    <li className={css.gap} data-gap={gap.cluster}>
      <Stack gap={6} align="flex-start">
        <Text fw={600} className={css.text}>{gap.question}</Text>
        <Group gap="xs">
          <Text size="sm">{t("people", { count: gap.people })}, {t("times", { count: gap.questions })}</Text>
          <Text size="sm" c="var(--soft)" title={moment(gap.first)}>{t("since", { when: day(gap.first) })}</Text>
          <Badge variant="light" tt="none" color={since ? "blue" : "gray"} {...(gap.answered ? { title: moment(gap.answered) } : {})}>
            {gap.answered === null ? t("answered.never") : t(since ? "answered.since" : "answered.before", { when: ago(gap.answered) })}
          </Badge>
        </Group>
        {gap.missed.length ? (
          <Text size="sm" className={css.text} lineClamp={3}>
            <b>{t("missed")}:</b> {gap.missed.map((one) => t("missedOne", { name: one.name || one.title || t("missedHidden"), count: one.people })).join("; ")}
          </Text>
        ) : null}
        <Group gap="xs">
        <Button size="compact-xs" variant="default" leftSection={<Sign size={14} />} aria-expanded={opened} onClick={open.toggle}>{t(opened ? "close" : "open")}</Button>
        <Button size="compact-xs" variant="default" component={Link} to="/data/feedback" search={{ state: "any", gap: gap.cluster } as never} leftSection={<IconInbox size={14} />}>{t("inbox")}</Button>
        </Group>
        {opened ? <Questions cluster={gap.cluster} search={search} /> : null}
      </Stack>
    </li>
  );
}
