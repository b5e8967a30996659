import { Checkbox, Stack } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { ROLES, type Role } from "./queries";

/** What somebody may do; everybody may ask. */
export function RoleChoice({ value, onChange }: { value: readonly Role[]; onChange: (roles: Role[]) => void }) {
  const { t } = useTranslation("people");
  return (
    <Checkbox.Group label={t("roles")} value={[...value]} onChange={(all) => onChange(ROLES.filter((one) => one === "user" || all.includes(one)))}>
      <Stack gap="xs" mt={6}>
        {ROLES.map((one) => <Checkbox key={one} value={one} label={t(`role.${one}`)} description={t(`roleTell.${one}`)} {...(one === "user" ? { disabled: true } : {})} />)}
      </Stack>
    </Checkbox.Group>
  );
}
