import { Badge, Button, Group, Select, Stack, Table, Text, Textarea } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconArrowBackUp } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { asProblem } from "@/api/problem";
import { Loaded } from "@/app/Loaded";
import { Trouble } from "@/app/Trouble";
import { ago, moment } from "@/app/when";
import { Confirm } from "@/primitives/Confirm";
import { Facts } from "@/primitives/Facts";
import { Panel } from "@/primitives/Panel";
import { backTo } from "./compare";
import css from "./models.module.css";
import { Picked, useNames } from "./names";
import { useAct, useChoices, useModels, useOf, type Choice, type Model } from "./queries";
import { percent } from "./state";
import { Trial } from "./Trial";

/** What answers where a question names no model, what is tried beside it, and the way back. */
export function Answering() {
  const models = useModels();
  const choices = useChoices();
  return (
    <Loaded query={models} height={320}>
      {({ models: all }) => (
        <Loaded query={choices} height={160}>
          {({ choices: made }) => (
            <Stack gap="lg">
              <Now models={all} choices={made} />
              <Trial models={all} choices={made} />
              <Past choices={made} />
            </Stack>
          )}
        </Loaded>
      )}
    </Loaded>
  );
}

function Now({ models, choices }: { models: Model[]; choices: Choice[] }) {
  const { t } = useTranslation("models");
  const names = useNames();
  const answers = models.find((one) => one.default)?.name ?? "";
  const last = choices[0];
  const chosen = last?.model === answers ? last : undefined;
  // Somebody chose another one, which does not answer: below the floor, or gone.
  const passed = last?.model && last.model !== answers ? last.model : undefined;
  const facts: [string, React.ReactNode][] = [
    [t("now.answers"), <bdi key="now">{names(answers)}</bdi>],
    [t("now.chosen"), chosen ? <span title={moment(chosen.chosen_at)}>{t("now.by", { who: chosen.chosen_by, when: ago(chosen.chosen_at) })}</span> : t("now.configured")],
    [t("now.score"), chosen?.score === null || chosen?.score === undefined ? t("now.unscored") : percent(chosen.score)],
  ];
  if (last && last.floor > 0) facts.push([t("now.floor"), percent(last.floor)]);
  return (
    <Panel title={t("now.title")} tell={t("now.tell")} acts={<Back choices={choices} models={models} answers={answers} />}>
      <Facts facts={facts} />
      {chosen?.override ? <Text size="sm" className={css.told}>{t("now.override", { why: chosen.override })}</Text> : null}
      {passed ? <Text size="sm" c="var(--mantine-color-red-text)" className={css.told}>{t("now.passed", { model: names(passed) })}</Text> : null}
      <Choose models={models} answers={answers} tried={last?.trial?.model} />
    </Panel>
  );
}

function Choose({ models, answers, tried }: { models: Model[]; answers: string; tried: string | undefined }) {
  const { t } = useTranslation(["models", "app"]);
  const names = useNames();
  const of = useOf();
  const [model, setModel] = useState<string | null>(null);
  const [why, setWhy] = useState("");
  const [asked, ask] = useDisclosure(false);
  const choose = useAct(
    () => got(api.PUT("/api/v1/models/default", { body: { model: model ?? "", override: why.trim(), ...of } })),
    () => {
      ask.close();
      setModel(null);
      setWhy("");
    },
  );
  const others = models.filter((one) => one.name !== answers);
  const close = () => {
    choose.reset();
    ask.close();
  };
  if (others.length === 0) return <Text size="sm" c="var(--soft)">{t("now.alone")}</Text>;
  return (
    <>
      <Group align="flex-end" gap="sm">
        <Select label={t("now.another")} placeholder={t("now.pick")} data={others.map((one) => ({ value: one.name, label: names(one.name) }))} value={model} onChange={setModel} w={{ base: "100%", xs: 300 }} searchable={others.length > 8} />
        <Button disabled={!model} onClick={ask.open}>{t("now.act")}</Button>
      </Group>
      <Confirm opened={asked && model !== null} onClose={close} title={t("now.ask", { model: names(model ?? "") })} tell={tried ? t("now.askTrial", { model: names(model ?? ""), answers: names(answers), tried: names(tried) }) : t("now.askTell", { model: names(model ?? ""), answers: names(answers) })} act={t("now.act")} cancel={t("app:action.cancel")} busy={choose.isPending} onAct={() => choose.mutate()}>
        {choose.error ? <Trouble error={choose.error} /> : null}
        <Why error={choose.error} value={why} onChange={setWhy} />
      </Confirm>
    </>
  );
}

/** Asked for once the server has said that the model is below what the domain asks for. */
export function Why({ error, value, onChange }: { error: unknown; value: string; onChange: (why: string) => void }) {
  const { t } = useTranslation("models");
  if (!value && !(error && asProblem(error).status === 409)) return null;
  return <Textarea label={t("override.label")} description={t("override.tell")} maxLength={1_000} autosize minRows={2} value={value} onChange={(event) => onChange(event.currentTarget.value)} />;
}

function Back({ choices, models, answers }: { choices: Choice[]; models: Model[]; answers: string }) {
  const { t } = useTranslation(["models", "app"]);
  const names = useNames();
  const of = useOf();
  const [asked, ask] = useDisclosure(false);
  const back = useAct(() => got(api.POST("/api/v1/models/rollback", { body: of })), ask.close);
  const to = backTo(choices, models.map((one) => one.name));
  if (to === null) return null;
  const tell = "ends" in to ? t("back.trial", { tried: names(to.ends), answers: names(answers) }) : to.model ? t("back.tell", { answers: names(answers), model: names(to.model) }) : t("back.configured", { answers: names(answers) });
  return (
    <>
      <Button size="xs" variant="default" leftSection={<IconArrowBackUp size={14} />} onClick={ask.open}>{t("back.act")}</Button>
      <Confirm opened={asked} onClose={ask.close} title={t("back.ask")} tell={tell} act={t("back.act")} cancel={t("app:action.cancel")} busy={back.isPending} onAct={() => back.mutate()}>
        {back.error ? <Trouble error={back.error} /> : null}
      </Confirm>
    </>
  );
}

/** Who let what answer, newest first. */
function Past({ choices }: { choices: Choice[] }) {
  const { t } = useTranslation("models");
  if (choices.length === 0) return null;
  return (
    <Panel title={t("past.title")}>
      <Table.ScrollContainer minWidth={560} type="native" tabIndex={0} aria-label={t("past.title")}>
        <Table verticalSpacing="xs">
          <Table.Thead><Table.Tr><Table.Th>{t("past.when")}</Table.Th><Table.Th>{t("past.who")}</Table.Th><Table.Th>{t("past.what")}</Table.Th><Table.Th>{t("past.why")}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {choices.map((one, at) => (
              <Table.Tr key={one.id}>
                <Table.Td title={moment(one.chosen_at)} className={css.number}>{ago(one.chosen_at)}</Table.Td>
                <Table.Td className={css.cell}><bdi>{one.chosen_by}</bdi></Table.Td>
                <Table.Td className={css.cell}>
                  <Picked choice={one} />{at === 0 ? <Badge ml="xs" size="sm" variant="light" tt="none">{t("past.now")}</Badge> : null}
                </Table.Td>
                <Table.Td className={css.cell}>{one.trial?.override || one.override}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Panel>
  );
}
