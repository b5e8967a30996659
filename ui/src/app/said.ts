/** The server's own sentences in the reader's language, as far as somebody translated them. */
import { useTranslation } from "react-i18next";
import de from "./said.de.json";

const SENTENCES: Record<string, Record<string, string>> = { de };
/** What is put into a sentence stands where it stood, or where the other language has its number. */
const GAP = /\{(\d?)\}/g;
const known = new Map<string, [RegExp, string][]>();

function patterns(language: string): [RegExp, string][] {
  const made =
    known.get(language) ??
    Object.entries(SENTENCES[language] ?? {}).map(([said, told]): [RegExp, string] => {
      const words = said.split("{}").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
      return [new RegExp(`^${words.join("(.+?)")}$`, "s"), told];
    });
  known.set(language, made);
  return made;
}

/** A sentence of the server; one that nobody translated stays as it is. */
export function said(sentence: string, language: string): string {
  for (const [pattern, told] of patterns(language)) {
    const found = pattern.exec(sentence);
    if (!found) continue;
    let next = 1;
    return told.replace(GAP, (_, place: string) => found[place === "" ? next++ : Number(place) + 1] ?? "");
  }
  return sentence;
}

export function useSaid(): (sentence: string) => string {
  const { language } = useTranslation().i18n;
  return (sentence) => said(sentence, language);
}
