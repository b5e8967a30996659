/** What connectors say of themselves and their fields, as far as somebody translated it. */
import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import de from "./told.de.json";

const TOLD: Record<string, Record<string, string>> = { de };

export function useTold(): (said: string) => string {
  const words = TOLD[useTranslation().i18n.language];
  return useCallback((said: string) => words?.[said] ?? said, [words]);
}
