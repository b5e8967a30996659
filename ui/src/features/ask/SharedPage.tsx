import { Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconLinkOff } from "@tabler/icons-react";
import { useRouterState } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Trouble } from "@/app/Trouble";
import { SourceBeside } from "@/features/source";
import { Blank } from "@/primitives/Blank";
import css from "./AskPage.module.css";
import { useSource } from "./source";
import { useShared } from "./talks";
import { TurnView } from "./Turn";

/** What a link leads to. Its token stands behind the #, where no server and no log sees it. */
export function SharedPage() {
  const { t } = useTranslation("ask");
  const token = useRouterState({ select: (state) => state.location.hash });
  const talk = useShared(token);
  const source = useSource(talk.data?.turns ?? []);
  if (token === "") return <Blank icon={IconLinkOff} title={t("shared.missing")} tell={t("shared.missingTell")} />;
  return (
    <div className={css.beside} data-source={source.citation !== undefined}>
      <div className={css.talk}>
        <div className={css.scroll} tabIndex={0} role="region" aria-label={t("conversation")}>
          <div className={css.column}>
            {talk.error ? <Trouble error={talk.error} again={() => void talk.refetch()} /> : null}
            {talk.isPending ? <Skeleton h={120} /> : null}
            {talk.data ? (
              <Stack gap={4} mb="xl">
                <Title order={1} size="h3" style={{ overflowWrap: "anywhere" }}><bdi>{talk.data.conversation.title}</bdi></Title>
                <Text size="sm" c="var(--soft)">{t("shared.tell")}</Text>
              </Stack>
            ) : null}
            {talk.data?.turns.map((turn) => <TurnView key={turn.n} turn={turn} onCite={source.open} />)}
          </div>
        </div>
      </div>
      <SourceBeside citation={source.citation} count={source.count} onStep={source.step} onClose={source.close} />
    </div>
  );
}
