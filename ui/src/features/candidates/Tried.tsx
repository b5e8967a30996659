import { Badge, Button, Group, Table, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useTranslation } from "react-i18next";
import { counted } from "@/app/lasting";
import { Loaded } from "@/app/Loaded";
import { Trouble } from "@/app/Trouble";
import { moment } from "@/app/when";
import { Confirm } from "@/primitives/Confirm";
import { Panel } from "@/primitives/Panel";
import { Bar } from "./Bar";
import css from "./candidates.module.css";
import { Path } from "./Path";
import { usePromote, useStop, useTrial, type Comparison } from "./queries";
import { farthest } from "./report";
import { COLOUR, differs, says, share, valued, type Figure } from "./trial";

/** The candidate that answers a share of the people, or did last: what they say, and its end. */
export function Tried() {
  return <Loaded query={useTrial()}>{({ comparison }) => (comparison ? <Compared key={comparison.trial.id} found={comparison} /> : null)}</Loaded>;
}

function Compared({ found }: { found: Comparison }) {
  const { t } = useTranslation("candidates");
  const { trial, figures, path } = found;
  const runs = !trial.ended;
  const better = Boolean(trial.better_at);
  const said = { name: trial.candidate, share: share(trial.share), since: moment(trial.began_at), against: trial.against };
  const useful = figures.find((one) => one.measure === "useful");
  const [ours = 0, theirs = 0] = useful?.people ?? [];
  const state = trial.ended ? t(`ended.${trial.ended}`) : t(better ? "surelyBetter" : "running");
  const colour = better && (runs || trial.ended === "promoted") ? "green" : found.outcome === "worse" ? "red" : "gray";
  return (
    <Panel title={t("trial", said)} tell={t(runs ? "trialRuns" : "trialRan", said)} acts={runs ? <Ends name={trial.candidate} better={better} /> : null}>
      <Group gap="xs">
        <Badge color={colour} variant={colour === "gray" ? "light" : "filled"} tt="none" style={{ height: "auto", whiteSpace: "normal" }}>{state}</Badge>
        {trial.ended_at ? <Text size="sm" c="var(--soft)">{t("endedBy", { by: trial.ended_by, at: moment(trial.ended_at) })}</Text> : null}
      </Group>
      {path.length ? <div className={css.across} role="region" tabIndex={0} aria-label={t("path")}><Path points={path} /></div> : <Text size="sm">{t("tooFew", { ours: counted(ours), theirs: counted(theirs) })}</Text>}
      <div className={css.across} role="region" tabIndex={0} aria-label={t("sides")}>
        <Table verticalSpacing="xs">
          <Table.Thead><Table.Tr><Table.Th>{t("measure_")}</Table.Th><Table.Th ta="right">{t("live")}</Table.Th><Table.Th ta="right">{t("candidate")}</Table.Th><Table.Th>{t("surely")}</Table.Th><Table.Th>{t("is")}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>{figures.map((one) => <Line key={one.measure} figure={one} />)}</Table.Tbody>
        </Table>
      </div>
      <Text size="xs" c="var(--soft)">{t("trialAbout")}</Text>
    </Panel>
  );
}

function Line({ figure }: { figure: Figure }) {
  const { t } = useTranslation("candidates");
  const { measure, champion, challenger, difference, low, high } = figure;
  const [ours = 0, theirs = 0] = figure.people;
  const said = says(figure);
  const side = (value: number | null | undefined) => (value === null || value === undefined ? "" : valued(measure, value));
  const known = typeof difference === "number" && typeof low === "number" && typeof high === "number";
  return (
    <Table.Tr>
      <Table.Td><Text size="sm" fw={550}>{t(`side.${measure}`)}</Text><Text size="xs" c="var(--soft)">{t("ofPeople", { ours: counted(ours), theirs: counted(theirs) })}</Text></Table.Td>
      <Table.Td ta="right" className={css.number}>{side(champion)}</Table.Td>
      <Table.Td ta="right" className={css.number}>{side(challenger)}</Table.Td>
      <Table.Td>{known ? <Group gap="sm" wrap="nowrap"><Bar found={{ mean: difference, low, high }} far={farthest([{ questions: 0, p: 1, mean: difference, low, high }])} colour={COLOUR[said]} /><Text size="sm" className={css.number}>{t("interval", { mean: differs(difference), low: differs(low), high: differs(high) })}</Text></Group> : null}</Table.Td>
      <Table.Td><Badge variant={COLOUR[said] === "gray" ? "light" : "filled"} color={COLOUR[said]} tt="none">{t(`says.${said}`)}</Badge></Table.Td>
    </Table.Tr>
  );
}

/** Stopped, or promoted once it is surely better; each says first what will happen. */
function Ends({ name, better }: { name: string; better: boolean }) {
  const { t } = useTranslation(["candidates", "app"]);
  const [stopping, stop] = useDisclosure(false);
  const [promoting, promote] = useDisclosure(false);
  const ends = useStop();
  const release = usePromote(name);
  const cancel = t("app:action.cancel");
  return (
    <Group gap="xs">
      {better ? <Button size="xs" onClick={promote.open}>{t("promote")}</Button> : null}
      <Button size="xs" variant="default" onClick={stop.open}>{t("stop")}</Button>
      <Confirm opened={stopping} onClose={stop.close} title={t("stopAsk")} tell={t("stopTell")} act={t("stop")} cancel={cancel} busy={ends.isPending} onAct={() => ends.mutate(null, { onSuccess: stop.close })}>
        {ends.error ? <Trouble error={ends.error} /> : null}
      </Confirm>
      <Confirm opened={promoting} onClose={promote.close} title={t("promoteAsk", { name })} tell={t("promoteTell")} act={t("promote")} cancel={cancel} busy={release.isPending} onAct={() => release.mutate("", { onSuccess: promote.close })}>
        {release.error ? <Trouble error={release.error} /> : null}
      </Confirm>
    </Group>
  );
}
