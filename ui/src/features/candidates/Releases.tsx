import { Badge, Button, Group, Table, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Loaded } from "@/app/Loaded";
import { asProblem } from "@/api/problem";
import { Trouble } from "@/app/Trouble";
import { ago, moment } from "@/app/when";
import { Confirm } from "@/primitives/Confirm";
import { Panel } from "@/primitives/Panel";
import css from "./candidates.module.css";
import { nameOf, useReleases, useRollBack, type Candidate, type Release } from "./queries";

/** What answers use together and what they used before; going back is one click and instant. */
export function Releases({ candidates }: { candidates: readonly Candidate[] }) {
  const { t } = useTranslation(["candidates", "app"]);
  const found = useReleases();
  const back = useRollBack();
  const [asked, ask] = useDisclosure(false);
  const [to, choose] = useState<number | null>(null);
  const named = (release: Release) => {
    const used = candidates.filter((one) => release[one.kind] === one.id).map(nameOf);
    return used.length ? used.join(", ") : t("nothing");
  };
  const behind = asProblem(back.error).code === "behind";
  const open = (number: number | null) => {
    choose(number);
    back.reset();
    ask.open();
  };
  return (
    <Loaded query={found}>
      {({ releases }) => releases.length === 0 ? null : (
        <Panel title={t("releases")} tell={t("releasesTell")} acts={<Button size="xs" variant="default" onClick={() => open(null)}>{t("back")}</Button>}>
          {back.error && !behind ? <Trouble error={back.error} /> : null}
          <Table.ScrollContainer minWidth={420} type="native" tabIndex={0} aria-label={t("releases")}>
            <Table className={css.table} verticalSpacing="sm">
              <Table.Thead><Table.Tr><Table.Th>{t("release")}</Table.Th><Table.Th>{t("uses")}</Table.Th><Table.Th>{t("came")}</Table.Th><Table.Th /></Table.Tr></Table.Thead>
              <Table.Tbody>
                {releases.map((one, n) => (
                  <Table.Tr key={one.id}>
                    <Table.Td><Group gap="xs">{one.number}{n === 0 ? <Badge color="green" variant="filled" tt="none">{t("live")}</Badge> : null}</Group></Table.Td>
                    <Table.Td>{named(one)}{one.back_to === null || one.back_to === undefined ? null : <Text size="xs" c="var(--soft)">{t("backTo", { number: one.back_to })}</Text>}{one.why ? <Text size="xs" c="var(--soft)" className={css.anywhere}>{one.why}</Text> : null}</Table.Td>
                    <Table.Td><Text size="sm" title={moment(one.made_at)}>{ago(one.made_at)}</Text><Text size="xs" c="var(--soft)"><bdi>{one.made_by}</bdi></Text></Table.Td>
                    <Table.Td>{n === 0 ? null : <Button size="compact-xs" variant="subtle" aria-label={t("backToThis", { number: one.number })} onClick={() => open(one.number)}>{t("backThere")}</Button>}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
          <Confirm opened={asked} onClose={ask.close} title={to === null ? t("backAsk") : t("backAskTo", { number: to })} tell={t("backTell")} act={t(behind ? "backAnyway" : "backAct")} cancel={t("app:action.cancel")} busy={back.isPending} danger={behind} onAct={() => back.mutate({ to, force: behind }, { onSuccess: ask.close, onError: (error) => asProblem(error).code === "behind" ? undefined : ask.close() })}>
            {behind ? <><Trouble error={back.error} /><Text size="sm">{t("backAnywayTell")}</Text></> : null}
          </Confirm>
        </Panel>
      )}
    </Loaded>
  );
}
