import { Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { MissingDocument } from "./MissingDocument";
import css from "./Turn.module.css";

/** The documents do not tell: what was looked at, and a way to say where the answer is. */
export function Abstention({ trace, searched }: { trace: string; searched: readonly string[] }) {
  const { t } = useTranslation("ask");
  return (
    <section className={css.box} aria-label={t("unknown.title")}>
      {searched.length ? (
        <details>
          <Text component="summary" size="sm" style={{ cursor: "pointer" }}>{t("unknown.searched", { count: searched.length })}</Text>
          <ul style={{ margin: "0.25rem 0 0.75rem", paddingInlineStart: "1.2rem" }}>
            {searched.map((one) => <Text key={one} component="li" size="sm" c="var(--soft)" style={{ overflowWrap: "anywhere" }}><bdi>{one}</bdi></Text>)}
          </ul>
        </details>
      ) : null}
      <MissingDocument trace={trace} label={t("unknown.tell")} />
    </section>
  );
}
