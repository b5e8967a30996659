import { Button, Group, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, got, type Schemas } from "@/api/client";
import { Loaded } from "@/app/Loaded";
import { KeyList } from "./KeyList";
import { NewKey } from "./NewKey";

/** One's own keys. */
export function OwnKeys({ roles }: { roles: readonly Schemas["Role"][] }) {
  const { t } = useTranslation("keys");
  const [making, make] = useDisclosure(false);
  const found = useQuery({ queryKey: ["keys", "own"], queryFn: () => got(api.GET("/api/v1/keys")) });
  return (
    <>
      <Text size="sm" c="var(--soft)">{t("ownTell")}</Text>
      <Loaded query={found} height={60}>{({ keys }) => (keys.length ? <KeyList keys={keys} /> : <Text size="sm">{t("noneOwn")}</Text>)}</Loaded>
      <Group><Button size="xs" variant="default" leftSection={<IconPlus size={14} />} onClick={make.open}>{t("new.open")}</Button></Group>
      {making ? <NewKey roles={roles} close={make.close} /> : null}
    </>
  );
}
