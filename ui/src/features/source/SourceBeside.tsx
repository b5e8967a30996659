import { Drawer } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import css from "./Source.module.css";
import { SourcePanel } from "./SourcePanel";

export interface SourceProps {
  citation: Schemas["Citation"] | undefined;
  /** Which of how many, from 0. */
  count: { at: number; of: number };
  onStep: (by: number) => void;
  onClose: () => void;
  /** Always over the page, however wide it is. */
  over?: boolean;
}

/** The source of a citation: a column where there is room for one, else over the page. */
export function SourceBeside({ citation, over, ...acts }: SourceProps) {
  const { t } = useTranslation("source");
  const wide = useMediaQuery("(min-width: 75em)", undefined, { getInitialValueInEffect: false });
  if (wide && !over)
    return citation ? (
      <aside className={css.column} aria-label={t("title")}>
        <SourcePanel key={`${citation.document_id} ${citation.version}`} citation={citation} {...acts} />
      </aside>
    ) : null;
  return (
    <Drawer.Root opened={citation !== undefined} onClose={acts.onClose} position="right" size="min(100%, 44rem)" padding={0}>
      <Drawer.Overlay />
      <Drawer.Content aria-label={t("title")}>
        <Drawer.Body className={css.over ?? ""}>{citation ? <SourcePanel key={`${citation.document_id} ${citation.version}`} citation={citation} {...acts} /> : null}</Drawer.Body>
      </Drawer.Content>
    </Drawer.Root>
  );
}
