import { Anchor, Button } from "@mantine/core";
import { IconBug, IconMapOff } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Blank } from "@/primitives/Blank";

export function NotFound() {
  const { t } = useTranslation();
  return (
    <Blank icon={IconMapOff} title={t("notFound.title")} tell={t("notFound.tell")}>
      <Anchor component={Link} to="/">{t("notFound.home")}</Anchor>
    </Blank>
  );
}

export function Crashed() {
  const { t } = useTranslation();
  return (
    <Blank icon={IconBug} title={t("crashed.title")} tell={t("crashed.tell")}>
      <Button variant="default" onClick={() => location.reload()}>{t("crashed.reload")}</Button>
    </Blank>
  );
}
