import { Popover, Text } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import css from "./CiteMark.module.css";
import type { Citation } from "./types";

const OPEN_MS = 150;
const CLOSE_MS = 120;

/** The number of a citation within the text: pointed at it shows the quote, pressed the source. */
export function CiteMark({ citation, onOpen }: { citation: Citation; onOpen: (n: number) => void }) {
  const { t } = useTranslation("ask");
  const [shown, setShown] = useState(false);
  const waiting = useRef<number>(undefined);
  const soon = (open: boolean) => () => {
    window.clearTimeout(waiting.current);
    waiting.current = window.setTimeout(() => setShown(open), open ? OPEN_MS : CLOSE_MS);
  };
  useEffect(() => () => window.clearTimeout(waiting.current), []);
  const watched = { onPointerEnter: soon(true), onPointerLeave: soon(false) };
  return (
    <span className={css.at}>
      <button type="button" className={css.mark} onClick={() => onOpen(citation.n)} onFocus={soon(true)} onBlur={soon(false)} {...watched} aria-label={t("cite.open", { n: citation.n, title: citation.document })} data-cite={citation.n}>
        {citation.n}
      </button>
      {/* Made only when it is wanted: an answer has many marks, and a conversation many answers. */}
      {shown ? (
        <Popover opened width={340} position="top" withinPortal trapFocus={false} returnFocus={false} onDismiss={soon(false)}>
          <Popover.Target><span className={css.anchor} aria-hidden /></Popover.Target>
          <Popover.Dropdown className={css.card} data-quote {...watched}><Quote citation={citation} /></Popover.Dropdown>
        </Popover>
      ) : null}
    </span>
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
