import { Alert, Text } from "@mantine/core";
import { IconPlugConnectedX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import css from "./models.module.css";
import { failure } from "./state";

/** A check that failed: what happened, what the model's server said, and what to do about it. */
export function Failed({ checked }: { checked: Schemas["LastCheck"] }) {
  const { t } = useTranslation("models");
  const why = failure(checked.code);
  return (
    <Alert color="red" variant="light" icon={<IconPlugConnectedX />} title={t(`failed.${why}.title`)}>
      <Text size="sm">{t(`failed.${why}.do`)}</Text>
      <Text size="xs" mt={6} className={css.told}>{checked.detail}</Text>
      {checked.hint ? <Text size="xs" className={css.told}>{checked.hint}</Text> : null}
    </Alert>
  );
}
