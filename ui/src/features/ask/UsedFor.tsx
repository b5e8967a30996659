import { Anchor, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { agreedTo, useConsent } from "./consent";

/** What becomes of a rating, by what this person agreed to. */
export function UsedFor() {
  const { t } = useTranslation("ask");
  const consent = useConsent();
  if (consent === undefined) return null;
  const agreed = agreedTo(consent);
  return (
    <Text size="xs" c="var(--soft)">
      {agreed.length ? t("used.agreed", { purposes: agreed.map((one) => t(`used.${one}`)).join(", ") }) : t("used.none")}{" "}
      <Anchor component={Link} to="/account" size="xs">{t("used.choose")}</Anchor>
    </Text>
  );
}
