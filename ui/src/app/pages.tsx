import { Anchor, Button, Stack } from "@mantine/core";
import { IconBug, IconMapOff } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Problem } from "@/api/problem";
import { Blank } from "@/primitives/Blank";
import { Trouble } from "./Trouble";

export function NotFound() {
  const { t } = useTranslation();
  return (
    <Blank icon={IconMapOff} title={t("notFound.title")} tell={t("notFound.tell")}>
      <Anchor component={Link} to="/">{t("notFound.home")}</Anchor>
    </Blank>
  );
}

export function Crashed({ error }: { error: unknown }) {
  const { t } = useTranslation();
  // Not before it can be: a browser has nothing to show for a page that it cannot reload.
  const reload = () => void fetch("/healthz").then(() => location.reload(), () => undefined);
  if (error instanceof Problem) return <Stack p="xl"><Trouble error={error} again={reload} /></Stack>;
  return (
    <Blank icon={IconBug} title={t("crashed.title")} tell={t("crashed.tell")}>
      <Button variant="default" onClick={() => location.reload()}>{t("crashed.reload")}</Button>
    </Blank>
  );
}
