import { Accordion, Badge, Button, Group, Progress, Stack, Text } from "@mantine/core";
import { IconCheck, IconPlayerStop, IconTestPipe, IconX } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { events } from "@/api/sse";
import { counted } from "@/app/lasting";
import { Loaded } from "@/app/Loaded";
import { Trouble } from "@/app/Trouble";
import { ago, moment } from "@/app/when";
import { Panel } from "@/primitives/Panel";
import { casesOf, CHECKS } from "./cases";
import css from "./models.module.css";
import { useAct, useCards, useOf, type Card } from "./queries";
import { percent } from "./state";

interface Step {
  done: number;
  total: number;
  document: string;
}

/** How well a model keeps to what answers rely on, tried with this domain's prompts. */
export function Conformance({ model }: { model: string }) {
  const { t } = useTranslation("models");
  const cards = useCards(model);
  const of = useOf();
  const leaving = useRef<AbortController | null>(null);
  const [stopped, setStopped] = useState(false);
  const [step, setStep] = useState<Step | null>(null);
  const run = useAct(async () => {
    leaving.current = new AbortController();
    setStopped(false);
    setStep(null);
    for await (const { name, data } of events("/api/v1/models/conformance", { body: { model, ...of }, signal: leaving.current.signal, last: "result" }))
      if (name === "progress") setStep(data as Step);
  });
  useEffect(() => () => leaving.current?.abort(), []);
  const stop = () => {
    setStopped(true);
    leaving.current?.abort();
  };
  const act = run.isPending ? (
    <Button size="xs" variant="default" leftSection={<IconPlayerStop size={14} />} onClick={stop}>{t("conform.stop")}</Button>
  ) : (
    <Button size="xs" variant="default" leftSection={<IconTestPipe size={14} />} onClick={() => run.mutate()}>{cards.data?.cards.length ? t("conform.again") : t("conform.run")}</Button>
  );
  return (
    <Panel title={t("conform.title")} tell={t("conform.tell")} acts={act}>
      {run.isPending ? <Running step={step} /> : null}
      {run.error && !stopped ? <Trouble error={run.error} /> : null}
      <Loaded query={cards}>
        {({ cards: [latest, ...earlier] }) => latest ? <Stack gap="md"><Shown card={latest} /><Earlier cards={earlier} /></Stack> : run.isPending ? null : <Text size="sm" c="var(--soft)">{t("conform.none")}</Text>}
      </Loaded>
    </Panel>
  );
}

function Running({ step }: { step: Step | null }) {
  const { t } = useTranslation("models");
  const share = step ? (100 * step.done) / step.total : 0;
  return (
    <Stack gap={6}>
      <Progress value={share} striped animated aria-label={t("conform.running")} />
      <Text size="sm" role="status">{step ? t("conform.step", { done: counted(step.done + 1), total: counted(step.total), question: step.document }) : t("conform.running")}</Text>
      <Text size="xs" c="var(--soft)">{t("conform.stay")}</Text>
    </Stack>
  );
}

function Shown({ card }: { card: Card }) {
  const { t } = useTranslation("models");
  const cases = casesOf(card);
  const failed = cases.filter((one) => !one.passed);
  return (
    <Stack gap="sm">
      <Group gap="sm" align="baseline">
        <Text fw={650} size="xl" className={css.number}>{percent(card.score)}</Text>
        <Text size="sm" c="var(--soft)" title={moment(card.taken_at)}>{t("conform.by", { who: card.taken_by, when: ago(card.taken_at) })}</Text>
      </Group>
      <ul className={css.checks}>
        {CHECKS.filter((one) => one in card.checks).map((one) => {
          const share = card.checks[one] ?? 0;
          return (
            <li key={one}>
              <Group justify="space-between" gap="xs" wrap="nowrap"><Text size="sm" fw={550}>{t(`conform.check.${one}`)}</Text><Text size="sm" className={css.number}>{percent(share)}</Text></Group>
              <Progress value={share * 100} size="sm" color={share === 1 ? "green" : share >= 0.5 ? "orange" : "red"} aria-label={t(`conform.check.${one}`)} />
              <Text size="xs" c="var(--soft)">{t(`conform.about.${one}`)}</Text>
            </li>
          );
        })}
      </ul>
      <Accordion variant="contained" key={card.id}>
        <Accordion.Item value="cases">
          <Accordion.Control><Text size="sm">{failed.length ? t("conform.failed", { count: failed.length, of: cases.length }) : t("conform.passed", { count: cases.length })}</Text></Accordion.Control>
          <Accordion.Panel>
            <ul className={css.cases}>
              {[...failed, ...cases.filter((one) => one.passed)].map((one, at) => (
                <li key={at}>
                  <Group gap="xs" wrap="nowrap" align="flex-start">
                    {one.passed ? <IconCheck size={16} className={css.good} aria-label={t("conform.good")} role="img" /> : <IconX size={16} className={css.bad} aria-label={t("conform.bad")} role="img" />}
                    <div className={css.grow}>
                      <Text size="sm" className={css.told}><b>{t(`conform.check.${one.check}`)}:</b> {one.question}</Text>
                      {one.why ? <Text size="sm" c="var(--mantine-color-red-text)" className={css.told}>{one.why}</Text> : null}
                      {one.answer ? <Text size="xs" c="var(--soft)" className={css.told} lineClamp={6}>{one.answer}</Text> : null}
                    </div>
                  </Group>
                </li>
              ))}
            </ul>
          </Accordion.Panel>
        </Accordion.Item>
      </Accordion>
    </Stack>
  );
}

function Earlier({ cards }: { cards: Card[] }) {
  const { t } = useTranslation("models");
  if (cards.length === 0) return null;
  return (
    <Group gap="xs">
      <Text size="xs" c="var(--soft)">{t("conform.earlier")}</Text>
      {cards.slice(0, 8).map((one) => <Badge key={one.id} variant="default" tt="none" title={moment(one.taken_at)}>{percent(one.score)}, {ago(one.taken_at)}</Badge>)}
    </Group>
  );
}
