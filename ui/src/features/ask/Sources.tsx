import { Button, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { CitationRating } from "./CitationRating";
import css from "./Turn.module.css";
import type { Citation } from "./types";

const SHOWN = 4;

/** Where the documents lie in their folder is what tells; the whole address stands in the title. */
function place(uri: string): string {
  let shown = uri;
  try {
    shown = decodeURI(uri);
  } catch {
    // A name that is no UTF-8 is shown as it is written.
  }
  return shown.split("/").slice(-2).join("/");
}

/** What an answer cites, in order; each can be opened and, in one's own answer, judged. */
export function Sources({ citations, trace, onCite }: { citations: readonly Citation[]; trace: string | null | undefined; onCite: (n: number) => void }) {
  const { t } = useTranslation("ask");
  const [all, setAll] = useState(false);
  const shown = all ? citations : citations.slice(0, SHOWN);
  return (
    <section aria-label={t("sources.title")}>
      <ol className={css.sources}>
        {shown.map((one) => (
          <li key={one.n} className={css.source}>
            <button type="button" className={css.open} onClick={() => onCite(one.n)}>
              <span className={css.number}>{one.n}</span>
              <span className={css.words}>
                <Text component="span" size="sm" fw={550}>{one.document}</Text>
                <span className={css.place} title={one.uri}>
                  {typeof one.page === "number" ? `${t("cite.page", { page: one.page })} · ` : ""}
                  {place(one.uri)}
                </span>
              </span>
            </button>
            {trace ? <CitationRating trace={trace} n={one.n} /> : null}
          </li>
        ))}
      </ol>
      {citations.length > SHOWN ? (
        <Button size="compact-xs" variant="subtle" mt={6} onClick={() => setAll(!all)}>{all ? t("sources.fewer") : t("sources.more", { count: citations.length - SHOWN })}</Button>
      ) : null}
    </section>
  );
}
