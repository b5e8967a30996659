import { Button, Group, NumberInput, Select, Stack, Text } from "@mantine/core";
import { IconTestPipe } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, got, type Schemas } from "@/api/client";
import { useAct } from "@/app/act";
import { useDomain } from "@/app/me";
import { Trouble } from "@/app/Trouble";
import { Verdict } from "./Verdict";
import { nameOf, type Dataset } from "./manifest";
import { useVerifications } from "./queries";
import { Underway } from "./Underway";

type Reader = Schemas["ToVerify"]["consumer"];
const TRAINERS = ["trl", "sentence-transformers"];

/** A version, in a format, in the hands of a library that reads it: look on, and read what it did. */
export function Verifying({ one, format, readers }: { one: Dataset; format: string; readers: Reader[] }) {
  const { t } = useTranslation("datasets");
  const domain = useDomain();
  const said = useVerifications(one);
  const [consumer, by] = useState<string | null>(null);
  const [steps, train] = useState(0);
  const reader = readers.find((each) => each === consumer) ?? readers[0];
  const trains = reader !== undefined && TRAINERS.includes(reader);
  const ask = useAct(["verifications"], () =>
    got(api.POST("/api/v1/datasets/{name}/verifications", { params: { path: { name: nameOf(one) }, query: domain === undefined ? {} : { domain } }, body: { consumer: reader ?? "datasets", format, train_steps: trains ? steps : 0 } })),
  );
  // The last word of each library on each format.
  const last = said.data?.verifications.filter((each, n, all) => all.findIndex((other) => other.format === each.format && other.report.consumer === each.report.consumer) === n) ?? [];
  return (
    <Stack gap="sm" component="section" aria-label={t("verify.title")}>
      <div>
        <Text size="sm" fw={600}>{t("verify.title")}</Text>
        <Text size="sm" c="var(--soft)">{t("verify.tell")}</Text>
      </div>
      {readers.length === 0 ? <Text size="sm">{t("verify.nobody")}</Text> : <Group align="flex-end" gap="sm">
        <Select label={t("verify.reader")} w={260} allowDeselect={false} value={reader ?? null} onChange={by} data={readers} />
        {trains ? <NumberInput label={t("verify.steps")} w={140} min={0} max={100} allowDecimal={false} value={steps} onChange={(value) => train(Number(value) || 0)} /> : null}
        <Button variant="default" leftSection={<IconTestPipe size={16} />} disabled={reader === undefined} loading={ask.isPending} onClick={() => ask.mutate()}>{t("verify.act")}</Button>
      </Group>}
      {ask.error ? <Trouble error={ask.error} /> : null}
      {said.error ? <Trouble error={said.error} again={() => void said.refetch()} /> : null}
      {said.data?.runs.slice(0, 3).map((run) => <Underway key={run.id} run={run} title={t("verify.one", titled(run.wanted, t("verify.built")))} />)}
      {last.map((each) => <Verdict key={each.id} one={each} />)}
    </Stack>
  );
}

function titled(wanted: Record<string, unknown> | undefined, built: string): { consumer: string; format: string } {
  const { consumer, format } = (wanted?.["verify"] ?? {}) as { consumer?: string; format?: string };
  return { consumer: consumer ?? "", format: format ? format : built };
}
