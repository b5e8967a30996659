import { Badge, Button, Group, Paper, Stack, Text } from "@mantine/core";
import { IconBrain, IconPlugConnected, IconPlus } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { counted } from "@/app/lasting";
import { Loaded } from "@/app/Loaded";
import { Trouble } from "@/app/Trouble";
import { Blank } from "@/primitives/Blank";
import { Facts } from "@/primitives/Facts";
import { Failed } from "./Failed";
import { Maker } from "./Maker";
import css from "./models.module.css";
import { Price } from "./Price";
import { useCheck, useChoices, useKeeper, useModels, type Model } from "./queries";
import { StateBadge } from "./StateBadge";
import { LastCheck } from "./LastCheck";

/** Every model and route, the one that answers first. */
export function ModelList() {
  const { t } = useTranslation("models");
  const models = useModels();
  const keeper = useKeeper();
  const check = useCheck();
  const tried = useChoices().data?.choices[0]?.trial?.model;
  const asked = check.isPending ? check.variables : undefined;
  const test = (name: string | null) => check.mutate(name);
  return (
    <Loaded query={models} height={320}>
      {({ models: all }) => {
        const own = all.filter((one) => one.kind === "model");
        const ordered = [...all].sort((a, b) => Number(b.default) - Number(a.default));
        return (
          <Stack gap="sm">
            {own.length > 1 ? <Group justify="flex-end"><Button size="xs" variant="default" leftSection={<IconPlugConnected size={14} />} loading={asked === null} onClick={() => test(null)}>{t("check.all")}</Button></Group> : null}
            {check.error ? <Trouble error={check.error} /> : null}
            {own.length === 0 ? (
              <Blank icon={IconBrain} title={t("none.title")} tell={keeper ? t("none.tell") : t("none.others")}>
                {keeper ? <Button mt="xs" component={Link} to="/admin/models" search={{ show: "add" } as never} leftSection={<IconPlus size={16} />}>{t("add")}</Button> : null}
              </Blank>
            ) : null}
            <Stack component="ul" gap="sm" m={0} p={0} className={css.list}>
              {ordered.map((one) => <Row key={`${one.kind} ${one.name}`} model={one} tried={one.name === tried} busy={asked === null || asked === one.name} onCheck={test} />)}
            </Stack>
          </Stack>
        );
      }}
    </Loaded>
  );
}

interface RowProps {
  model: Model;
  tried: boolean;
  busy: boolean;
  onCheck: (name: string) => void;
}

function Row({ model, tried, busy, onCheck }: RowProps) {
  const { t } = useTranslation("models");
  const { name, kind } = model;
  return (
    <Paper component="li" withBorder p="md" bg="var(--raised)">
      <Stack gap="sm">
        <Group justify="space-between" gap="sm" align="flex-start">
          <Group gap="xs" className={css.grow}>
            {kind === "model" ? <Text component={Link} to="/admin/models/$model" params={{ model: name } as never} className={css.name} fw={600} title={name}><bdi>{name}</bdi></Text> : <Text fw={600} className={css.told}>{kind === "extractive" ? t("quoting.name") : <bdi>{name}</bdi>}</Text>}
            {model.default ? <Badge tt="none" variant="filled" className={css.badge}>{t("badge.answers")}</Badge> : null}
            {tried ? <Badge tt="none" variant="light" color="violet" className={css.badge}>{t("badge.tried")}</Badge> : null}
            {kind === "route" ? <Badge tt="none" variant="light" color="gray" className={css.badge}>{t("badge.route")}</Badge> : null}
            {kind === "model" ? <StateBadge model={model} /> : null}
          </Group>
          {kind === "model" ? <Button size="xs" variant="default" loading={busy} aria-label={t("check.of", { name })} onClick={() => onCheck(name)}>{t("check.act")}</Button> : null}
        </Group>
        {kind === "extractive" ? <Text size="sm" c="var(--soft)">{t("quoting.tell")}</Text> : null}
        {kind === "route" ? <Candidates model={model} /> : null}
        {kind === "model" ? <About model={model} /> : null}
        {model.problem ? <Text size="sm" c="var(--mantine-color-red-text)" className={css.told}>{model.problem}</Text> : null}
        {model.checked && !model.checked.ok ? <Failed checked={model.checked} /> : null}
      </Stack>
    </Paper>
  );
}

function About({ model }: { model: Model }) {
  const { t } = useTranslation("models");
  return (
    <Facts
      facts={[
        [t("fact.model"), <Text key="model" inherit lineClamp={2} title={model.model}><Maker model={model} /></Text>],
        [t("fact.price"), <Price key="price" model={model} />],
        [t("fact.window"), model.context_window ? t("tokens", { many: counted(model.context_window) }) : t("unknown")],
        [t("fact.checked"), <LastCheck key="checked" model={model} />],
      ]}
    />
  );
}

function Candidates({ model }: { model: Model }) {
  const { t } = useTranslation("models");
  return (
    <>
      <Text size="sm" c="var(--soft)">{t("route.tell")}</Text>
      <ol className={css.candidates}>{model.candidates.map((one, at) => <li key={`${at} ${one}`}><bdi>{one === "extractive" ? t("quoting.name") : one}</bdi></li>)}</ol>
    </>
  );
}
