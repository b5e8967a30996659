import { NumberInput, Radio, Stack } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Confirm } from "@/primitives/Confirm";
import type { Search } from "./queries";

const WAYS = ["lists", "answers"] as const;
const MOST = 1_440;

/** By what settings are searched for, and how long that may take. */
export function Searching({ opened, close, begin }: { opened: boolean; close: () => void; begin: (by: Search) => void }) {
  const { t } = useTranslation(["candidates", "app"]);
  const [by, choose] = useState<string>("lists");
  const [minutes, allow] = useState(10);
  const act = () => {
    begin({ answers: by === "answers", budget: minutes });
    close();
  };
  return (
    <Confirm opened={opened} onClose={close} title={t("searchAsk")} tell={t("searchTell")} act={t("searchAct")} cancel={t("app:action.cancel")} onAct={act}>
      <Radio.Group label={t("searchBy")} value={by} onChange={choose}>
        <Stack gap="xs" mt="xs">
          {WAYS.map((one) => <Radio key={one} value={one} label={t(`by.${one}`)} description={t(`byTell.${one}`)} />)}
        </Stack>
      </Radio.Group>
      <NumberInput label={t("searchMinutes")} description={t("searchMinutesTell")} w={240} min={1} max={MOST} clampBehavior="strict" allowDecimal={false} value={minutes} onChange={(value) => allow(Math.min(Math.max(Number(value) || 1, 1), MOST))} />
    </Confirm>
  );
}
