import { useTranslation } from "react-i18next";
import type { Choice } from "./queries";
import { percent } from "./state";

/** What to call what answers: a model or a route has its name, quoting and the configuration have words. */
export function useNames(): (name: string) => string {
  const { t } = useTranslation("models");
  return (name) => (name === "" ? t("configured") : name === "extractive" ? t("quoting.name") : name);
}

/** What a choice let answer, in a line. */
export function Picked({ choice: { model, trial } }: { choice: Choice }) {
  const { t } = useTranslation("models");
  const names = useNames();
  if (!trial) return <bdi>{names(model)}</bdi>;
  return <>{t(`past.${trial.how}`, { model: names(model), tried: names(trial.model), share: percent(trial.share, 1) })}</>;
}
