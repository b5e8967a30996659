import { Button, Group, Radio, Select, Slider, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { Loaded } from "@/app/Loaded";
import { Trouble } from "@/app/Trouble";
import { Confirm } from "@/primitives/Confirm";
import { Panel } from "@/primitives/Panel";
import { Why } from "./Answering";
import { Compared } from "./Compared";
import css from "./models.module.css";
import { useNames } from "./names";
import { useAct, useComparison, useOf, type Choice, type Model } from "./queries";
import { percent } from "./state";

type How = NonNullable<Choice["trial"]>["how"];
const HOWS = ["shadow", "canary", "pair"] as const;
const SHARES = { shadow: 100, canary: 10, pair: 10 } as const;

/** Another model beside the one that answers: begun, compared, and ended one way or the other. */
export function Trial({ models, choices }: { models: Model[]; choices: Choice[] }) {
  const { t } = useTranslation("models");
  const names = useNames();
  const answers = models.find((one) => one.default)?.name ?? "";
  const trial = choices[0]?.trial ?? null;
  return (
    <>
      {trial ? (
        <Panel title={t("trial.runs", { tried: names(trial.model) })} acts={<Ends key={trial.id} trial={trial} answers={answers} />}>
          <Text size="sm" className={css.told}>{t(`trial.${trial.how}Runs`, { tried: names(trial.model), answers: names(answers), share: percent(trial.share, 1) })}</Text>
          <Share key={`${trial.id} ${trial.share}`} trial={trial} />
        </Panel>
      ) : (
        <Begin models={models} answers={answers} />
      )}
      {choices.some((one) => one.trial) ? <Latest /> : null}
    </>
  );
}

function Latest() {
  return <Loaded query={useComparison()}>{(found) => <Compared found={found} />}</Loaded>;
}

function Begin({ models, answers }: { models: Model[]; answers: string }) {
  const { t } = useTranslation(["models", "app"]);
  const names = useNames();
  const of = useOf();
  const [model, setModel] = useState<string | null>(null);
  const [how, setHow] = useState<How>("shadow");
  const [share, setShare] = useState<number>(SHARES.shadow);
  const [why, setWhy] = useState("");
  const [asked, ask] = useDisclosure(false);
  const begin = useAct(
    () => got(api.PUT("/api/v1/models/trial", { body: { model: model ?? "", how, share: share / 100, override: why.trim(), ...of } })),
    ask.close,
  );
  const others = models.filter((one) => one.name !== answers);
  if (others.length === 0) return null;
  const chosen = (said: string) => {
    setHow(said as How);
    setShare(SHARES[said as How]);
  };
  const close = () => {
    begin.reset();
    ask.close();
  };
  return (
    <Panel title={t("trial.title")} tell={t("trial.tell")}>
      <Stack gap="md">
        <Select label={t("trial.which")} placeholder={t("now.pick")} data={others.map((one) => ({ value: one.name, label: names(one.name) }))} value={model} onChange={setModel} maw={360} searchable={others.length > 8} />
        <Radio.Group label={t("trial.how")} value={how} onChange={chosen}>
          <Stack gap="xs" mt={6}>
            {HOWS.map((one) => <Radio key={one} value={one} label={t(`trial.${one}`)} description={t(`trial.${one}Tell`)} />)}
          </Stack>
        </Radio.Group>
        <ShareSlider how={how} value={share} onChange={setShare} />
        <Group><Button disabled={!model} onClick={ask.open}>{t("trial.begin")}</Button></Group>
      </Stack>
      <Confirm opened={asked && model !== null} onClose={close} title={t("trial.ask", { model: names(model ?? "") })} tell={t(`trial.${how}Ask`, { tried: names(model ?? ""), answers: names(answers), share: percent(share / 100, 1) })} act={t("trial.begin")} cancel={t("app:action.cancel")} busy={begin.isPending} onAct={() => begin.mutate()}>
        {begin.error ? <Trouble error={begin.error} /> : null}
        <Why error={begin.error} value={why} onChange={setWhy} />
      </Confirm>
    </Panel>
  );
}

function ShareSlider({ how, value, onChange }: { how: How; value: number; onChange: (share: number) => void }) {
  const { t } = useTranslation("models");
  return (
    <div className={css.share}>
      <Text size="sm" fw={500}>{t(`trial.${how}Share`, { share: percent(value / 100) })}</Text>
      <Slider value={value} min={1} max={100} step={1} label={null} thumbLabel={t(`trial.${how}Share`, { share: percent(value / 100) })} marks={[{ value: 10 }, { value: 50 }]} onChange={onChange} />
    </div>
  );
}

function Share({ trial }: { trial: NonNullable<Choice["trial"]> }) {
  const { t } = useTranslation("models");
  const of = useOf();
  const before = Math.max(1, Math.round(trial.share * 100));
  const [share, setShare] = useState(before);
  const keep = useAct(() => got(api.PUT("/api/v1/models/trial", { body: { model: trial.model, how: trial.how, share: share / 100, override: trial.override, ...of } })));
  return (
    <>
      <Group align="flex-end" gap="lg">
        <ShareSlider how={trial.how} value={share} onChange={setShare} />
        <Button size="xs" variant="default" disabled={share === before} loading={keep.isPending} onClick={() => keep.mutate()}>{t("trial.share")}</Button>
      </Group>
      {keep.error ? <Trouble error={keep.error} /> : null}
    </>
  );
}

/** Promoted, or stopped; each says first what will happen. */
function Ends({ trial, answers }: { trial: NonNullable<Choice["trial"]>; answers: string }) {
  const { t } = useTranslation(["models", "app"]);
  const names = useNames();
  const of = useOf();
  const [asked, ask] = useState<"promote" | "stop" | null>(null);
  const [why, setWhy] = useState("");
  const close = () => ask(null);
  const promote = useAct(() => got(api.PUT("/api/v1/models/default", { body: { model: trial.model, override: why.trim(), ...of } })), close);
  const stop = useAct(() => got(api.DELETE("/api/v1/models/trial", { params: { query: of } })), close);
  const told = { tried: names(trial.model), answers: names(answers) };
  return (
    <>
      <Group gap="xs">
        <Button size="xs" onClick={() => ask("promote")}>{t("promote.act")}</Button>
        <Button size="xs" variant="default" onClick={() => ask("stop")}>{t("stop.act")}</Button>
      </Group>
      <Confirm opened={asked === "promote"} onClose={close} title={t("promote.ask", told)} tell={t("promote.tell", told)} act={t("promote.act")} cancel={t("app:action.cancel")} busy={promote.isPending} onAct={() => promote.mutate()}>
        {promote.error ? <Trouble error={promote.error} /> : null}
        <Why error={promote.error} value={why} onChange={setWhy} />
      </Confirm>
      <Confirm opened={asked === "stop"} onClose={close} title={t("stop.ask")} tell={t(`stop.${trial.how}`, told)} act={t("stop.act")} cancel={t("app:action.cancel")} busy={stop.isPending} onAct={() => stop.mutate()}>
        {stop.error ? <Trouble error={stop.error} /> : null}
      </Confirm>
    </>
  );
}
