import { useTranslation } from "react-i18next";
import { ago, moment } from "@/app/when";
import type { Model } from "./queries";
import { span } from "./state";

/** When it was last asked for a word, and how soon that came. */
export function LastCheck({ model: { checked } }: { model: Model }) {
  const { t } = useTranslation("models");
  if (!checked) return <>{t("check.never")}</>;
  const when = <span title={moment(checked.at)}>{ago(checked.at)}</span>;
  return checked.first_token_ms === null || checked.first_token_ms === undefined ? when : <>{when}, {t("check.word", { span: span(checked.first_token_ms) })}</>;
}
