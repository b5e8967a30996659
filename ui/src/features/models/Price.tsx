import { useTranslation } from "react-i18next";
import type { Model } from "./queries";
import { usd } from "./state";

/** What a million tokens cost, read and written. */
export function Price({ model }: { model: Model }) {
  const { t } = useTranslation("models");
  const { input_price: read, output_price: written } = model;
  if (read === null || read === undefined || written === null || written === undefined) return <span title={t("price.unknownTell")}>{t("price.unknown")}</span>;
  if (read === 0 && written === 0) return <>{t("price.free")}</>;
  return <span title={model.price === "known" ? t("price.known") : undefined}>{t("price.both", { read: usd(read), written: usd(written) })}</span>;
}
