import { Code, Stack, Text } from "@mantine/core";
import { IconUserOff } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Blank } from "@/primitives/Blank";

const SWITCH = "[accounts]\nrequired = true";

/** Nobody signs in here: how to have people do so. */
export function NoAccounts() {
  const { t } = useTranslation("people");
  return (
    <Blank icon={IconUserOff} title={t("noAccounts.title")} tell={t("noAccounts.tell")}>
      <Stack gap="xs" ta="start" maw={440} w="100%">
        <Text size="sm">{t("noAccounts.how")}</Text>
        <Code block>{SWITCH}</Code>
        <Text size="sm">{t("noAccounts.then")}</Text>
      </Stack>
    </Blank>
  );
}
