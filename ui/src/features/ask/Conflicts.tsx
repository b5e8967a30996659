import { Anchor, Group, Text } from "@mantine/core";
import { IconScale } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import css from "./Turn.module.css";
import type { Conflict } from "./types";

/** What other documents say otherwise, and which side is the newer one. */
export function Conflicts({ conflicts, onCite }: { conflicts: readonly Conflict[]; onCite: (n: number) => void }) {
  const { t } = useTranslation("ask");
  if (!conflicts.length) return null;
  return (
    <section className={`${css.box ?? ""} ${css.conflict ?? ""}`} aria-label={t("conflict.title")}>
      <Group gap={6} mb={4}><IconScale size={17} aria-hidden /><Text size="sm" fw={650}>{t("conflict.title")}</Text></Group>
      {conflicts.map((one, at) => {
        const [mine, theirs] = one.dated as [string, string];
        const age = one.newer === null ? "unknown" : one.newer ? "newer" : "older";
        return (
          <Text key={at} size="sm" style={{ overflowWrap: "anywhere" }}>
            <bdi>{one.other.document}</bdi>
            {theirs ? ` (${theirs})` : ""} {t("conflict.says")} <q><bdi>{one.other.quote}</bdi></q>.{" "}
            <Anchor component="button" type="button" size="sm" onClick={() => onCite(one.n)}>[{one.n}]</Anchor> {t(`conflict.${age}`)}
            {mine && one.newer !== null ? ` (${mine})` : ""}.
          </Text>
        );
      })}
    </section>
  );
}
