import { Alert, Button, Group, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconHandStop } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { api, got } from "@/api/client";
import { counted } from "@/app/lasting";
import { Trouble } from "@/app/Trouble";
import { Confirm } from "@/primitives/Confirm";
import { useAct, type Source } from "./queries";

/** Documents that the source no longer names: too many at once to be believed without a word. */
export function Held({ source }: { source: Source }) {
  const { t } = useTranslation(["sources", "app"]);
  const [asked, ask] = useDisclosure(false);
  const release = useAct(() => got(api.POST("/api/v1/sources/{source}/release", { params: { path: { source: source.id } } })), ask.close);
  const held = counted(source.held);
  return (
    <Alert color="orange" variant="light" icon={<IconHandStop />} title={t("held.title", { held })}>
      <Text size="sm">{t("held.tell")}</Text>
      <Group mt="sm"><Button size="xs" variant="default" onClick={ask.open}>{t("held.release")}</Button></Group>
      <Confirm opened={asked} onClose={ask.close} title={t("held.ask")} tell={t("held.askTell", { held })} act={t("held.release")} cancel={t("app:action.cancel")} danger busy={release.isPending} onAct={() => release.mutate()}>
        {release.error ? <Trouble error={release.error} /> : null}
      </Confirm>
    </Alert>
  );
}
