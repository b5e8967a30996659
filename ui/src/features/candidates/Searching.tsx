import { NumberInput, Radio, Stack } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Confirm } from "@/primitives/Confirm";
import type { Search, Sought } from "./queries";

const WAYS = ["lists", "answers"] as const;
const MOST = 1_440;

/** How long a search for settings or another cut may take, and by what settings are searched for. */
export function Searching({ kind, close, begin }: { kind: Sought | undefined; close: () => void; begin: (kind: Sought, by: Search) => void }) {
  const { t } = useTranslation(["candidates", "app"]);
  const [by, choose] = useState<string>("lists");
  const [minutes, allow] = useState(10);
  const [last, keep] = useState<Sought>("configuration");
  // What is closing says what it said.
  if (kind !== undefined && kind !== last) keep(kind);
  const act = () => {
    begin(last, { budget: minutes, ...(last === "configuration" ? { answers: by === "answers" } : {}) });
    close();
  };
  return (
    <Confirm opened={kind !== undefined} onClose={close} title={t(`searchAsk.${last}`)} tell={t("searchTell")} act={t("searchAct")} cancel={t("app:action.cancel")} onAct={act}>
      {last === "chunking" ? null : <Radio.Group label={t("searchBy")} value={by} onChange={choose}>
        <Stack gap="xs" mt="xs">
          {WAYS.map((one) => <Radio key={one} value={one} label={t(`by.${one}`)} description={t(`byTell.${one}`)} />)}
        </Stack>
      </Radio.Group>}
      <NumberInput label={t("searchMinutes")} description={t("searchMinutesTell")} w={240} min={1} max={MOST} clampBehavior="strict" allowDecimal={false} value={minutes} onChange={(value) => allow(Math.min(Math.max(Number(value) || 1, 1), MOST))} />
    </Confirm>
  );
}
