import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import de from "./de.json";
import en from "./en.json";

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;
const KEPT = "ratchet-language";

function wanted(): Language {
  const known = (one: string | undefined): one is Language => one !== undefined && one in LANGUAGES;
  const kept = localStorage.getItem(KEPT) ?? undefined;
  if (known(kept)) return kept;
  return navigator.languages.map((one) => one.split("-")[0]).find(known) ?? "en";
}

/** Each feature brings its own words, when it is loaded: `addWords("ask", { en, de })`. */
export function addWords(feature: string, words: Record<Language, object>): void {
  for (const [language, said] of Object.entries(words)) i18next.addResourceBundle(language, feature, said);
}

export function speak(language: Language): void {
  localStorage.setItem(KEPT, language);
  void i18next.changeLanguage(language);
}

i18next.on("languageChanged", (language) => {
  document.documentElement.lang = language;
});
void i18next.use(initReactI18next).init({
  lng: wanted(),
  fallbackLng: "en",
  defaultNS: "app",
  resources: { en: { app: en }, de: { app: de } },
  interpolation: { escapeValue: false },
  showSupportNotice: false,
});
