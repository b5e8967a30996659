import { ActionIcon, Button, Popover, SegmentedControl, Stack, Text, useMantineColorScheme } from "@mantine/core";
import { IconLogout, IconUser, IconUserCircle } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, type Schemas } from "@/api/client";
import { Trouble } from "./Trouble";
import { LANGUAGES, speak, type Language } from "./words";

/** Who one is here, how the page looks and speaks, and the way out. */
export function AccountMenu({ me }: { me: Schemas["Me"] }) {
  const { t, i18n } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const leave = useMutation({
    mutationFn: () => api.DELETE("/api/v1/session"),
    onSuccess: () => location.replace("/sign-in"),
  });
  const alone = me.carrier === "machine";
  const name = alone ? t("single.badge") : me.user;
  return (
    <Popover position="bottom-end" width={260} trapFocus returnFocus>
      <Popover.Target>
        <ActionIcon size="lg" aria-label={t("menu.open", { name })}><IconUserCircle size={24} stroke={1.6} /></ActionIcon>
      </Popover.Target>
      <Popover.Dropdown aria-label={t("menu.account")}><Stack gap={6}>
        <Text px="sm" py={6} fw={600} truncate>{name}</Text>
        <Button component={Link} to="/account" variant="subtle" color="gray" c="var(--ink)" justify="flex-start" leftSection={<IconUser size={16} />}>{t("menu.account")}</Button>
        <Text size="xs" c="var(--soft)">{t("menu.appearance")}</Text>
        <SegmentedControl
          fullWidth
          size="xs"
          aria-label={t("menu.appearance")}
          value={colorScheme}
          onChange={(chosen) => setColorScheme(chosen)}
          data={[
            { value: "light", label: t("menu.light") },
            { value: "dark", label: t("menu.dark") },
            { value: "auto", label: t("menu.system") },
          ]}
        />
        <Text size="xs" c="var(--soft)">{t("menu.language")}</Text>
        <SegmentedControl
          fullWidth
          size="xs"
          aria-label={t("menu.language")}
          value={i18n.language}
          onChange={(chosen) => speak(chosen as Language)}
          data={Object.entries(LANGUAGES).map(([value, label]) => ({ value, label }))}
        />
        {leave.error ? <Trouble error={leave.error} /> : null}
        {alone ? null : (
            <Button variant="subtle" color="gray" c="var(--ink)" justify="flex-start" leftSection={<IconLogout size={16} />} onClick={() => leave.mutate()} loading={leave.isPending}>{t("menu.signOut")}</Button>
        )}
      </Stack></Popover.Dropdown>
    </Popover>
  );
}
