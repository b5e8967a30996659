import { useTranslation } from "react-i18next";
import type { Model } from "./queries";

/** Who serves a model, and what it is called there. */
export function Maker({ model: { provider, model } }: { model: Model }) {
  const { t } = useTranslation("models");
  return <>{t(`provider.${provider as "openai"}`, { defaultValue: provider })}: <bdi>{model}</bdi></>;
}
