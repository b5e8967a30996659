import { Button, Group, Select, Stack, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { addressed } from "@/api/client";
import { Beginning } from "./Beginning";
import { counted, nameOf, type Dataset } from "./manifest";
import { useFormats } from "./queries";
import { Verifying } from "./Verifying";

const BUILT = "built";

/** A version in the format of whoever reads it: taken away, or tried with the library that reads it. */
export function Take({ one }: { one: Dataset }) {
  const { t } = useTranslation("datasets");
  const [chosen, choose] = useState<string>(BUILT);
  const formats = useFormats();
  const path = `/api/v1/datasets/${nameOf(one)}`;
  const known = formats.data?.formats.filter((each) => !each.problem && each.tasks.some((task) => counted(one).some((rows) => rows.task === task))) ?? [];
  const format = known.find(({ name }) => name === chosen);
  return (
    <Stack gap="sm" component="section" aria-label={t("take.title")}>
      <Text size="sm" fw={600}>{t("take.title")}</Text>
      <Group align="flex-end" gap="sm">
        <Select label={t("format")} w={260} searchable allowDeselect={false} value={chosen} onChange={(said) => choose(said ?? BUILT)} data={[{ value: BUILT, label: t("take.built") }, ...known.map(({ name }) => ({ value: name, label: name }))]} />
        <Button component="a" href={addressed(`${path}/${format ? `exports/${format.name}` : "files"}`)} download leftSection={<IconDownload size={16} />}>{t("take.act")}</Button>
      </Group>
      <Text size="xs" c="var(--soft)">{format ? format.about : t("take.builtTell")}</Text>
      {format ? <Beginning one={one} format={format.name} /> : null}
      <Verifying one={one} format={format?.name ?? ""} readers={format ? format.consumers : ["datasets", "mlcroissant"]} />
    </Stack>
  );
}
