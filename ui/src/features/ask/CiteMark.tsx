import { HoverCard, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import css from "./CiteMark.module.css";
import type { Citation } from "./types";

/** The number of a citation within the text: pointed at it shows the quote, pressed the source. */
export function CiteMark({ citation, onOpen }: { citation: Citation; onOpen: (n: number) => void }) {
  const { t } = useTranslation("ask");
  return (
    <HoverCard width={340} openDelay={150} closeDelay={80} position="top" withinPortal>
      <HoverCard.Target>
        <button type="button" className={css.mark} onClick={() => onOpen(citation.n)} aria-label={t("cite.open", { n: citation.n, title: citation.document })} data-cite={citation.n}>
          {citation.n}
        </button>
      </HoverCard.Target>
      <HoverCard.Dropdown className={css.card}>
        <Quote citation={citation} />
      </HoverCard.Dropdown>
    </HoverCard>
  );
}

export function Quote({ citation }: { citation: Citation }) {
  const { t } = useTranslation("ask");
  return (
    <>
      <Text size="sm" fw={600} lineClamp={2} className={css.title}><bdi>{citation.document}</bdi></Text>
      <Text size="sm" lineClamp={7} className={css.quote} dir="auto">{citation.quote}</Text>
      <Text size="xs" c="var(--soft)">
        {typeof citation.page === "number" ? `${t("cite.page", { page: citation.page })} · ` : ""}
        {t("cite.version", { version: citation.version })}
      </Text>
    </>
  );
}
