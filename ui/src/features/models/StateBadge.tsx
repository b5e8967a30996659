import { Badge } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Model } from "./queries";
import { COLOUR, stateOf } from "./state";

export function StateBadge({ model }: { model: Model }) {
  const { t } = useTranslation("models");
  const state = stateOf(model);
  return <Badge variant="light" color={COLOUR[state]} tt="none" style={{ flex: "none" }}>{t(`state.${state}`)}</Badge>;
}
