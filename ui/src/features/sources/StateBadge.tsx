import { Badge } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { COLOUR, type SourceState } from "./state";

export function StateBadge({ state }: { state: SourceState }) {
  const { t } = useTranslation("sources");
  return <Badge variant="light" color={COLOUR[state]} tt="none" style={{ flex: "none" }}>{t(`state.${state}`)}</Badge>;
}
