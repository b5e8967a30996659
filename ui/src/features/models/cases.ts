import type { Card } from "./queries";

/** What the suite looks at, in the order of its weight to whoever asks. */
export const CHECKS = ["cites", "abstains", "language", "streams", "budget"] as const;

export interface Case {
  check: (typeof CHECKS)[number];
  question: string;
  passed: boolean;
  answer: string;
  why: string;
}

/** The cases of a card; those of a suite that this page does not know are left out. */
export function casesOf(card: Pick<Card, "cases">): Case[] {
  const text = (said: unknown) => (typeof said === "string" ? said : "");
  return card.cases.flatMap((one) => {
    const check = CHECKS.find((known) => known === one["check"]);
    return check ? [{ check, question: text(one["question"]), passed: one["passed"] === true, answer: text(one["answer"]), why: text(one["why"]) }] : [];
  });
}
