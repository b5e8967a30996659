import { Anchor, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { useDomain } from "@/app/me";

/** What becomes of a rating, by what this person agreed to. */
export function UsedFor() {
  const { t } = useTranslation("ask");
  const domain = useDomain();
  const consent = useQuery({ queryKey: ["consent", domain], queryFn: () => got(api.GET("/api/v1/consent")), staleTime: 300_000 }).data;
  if (consent === undefined) return null;
  const agreed = consent.given.version === consent.version ? consent.given.purposes : [];
  return (
    <Text size="xs" c="var(--soft)">
      {agreed.length ? t("used.agreed", { purposes: agreed.map((one) => t(`used.${one}`)).join(", ") }) : t("used.none")}{" "}
      <Anchor component={Link} to="/account" size="xs">{t("used.choose")}</Anchor>
    </Text>
  );
}
