import { memo, useMemo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { hint } from "@/primitives/Hints";
import css from "./AnswerText.module.css";
import { CiteMark } from "./CiteMark";
import { parse, unitsOf, type Block, type Inline } from "./text";
import type { Citation, Claim } from "./types";

interface AnswerTextProps {
  text: string;
  citations: readonly Citation[];
  claims: readonly Claim[];
  /** More is being written. */
  writing?: boolean;
  onCite: (n: number) => void;
}

interface Doubt {
  from: number;
  to: number;
  claim: Claim;
}

/** An answer as text: its citation marks can be pressed, and sentences that lack support are marked. */
export const AnswerText = memo(function AnswerText({ text, citations, claims, writing, onCite }: AnswerTextProps) {
  const known = useMemo(() => new Map(citations.map((one) => [one.n, one])), [citations]);
  const blocks = useMemo(() => parse(text, new Set(known.keys())), [text, known]);
  const doubts = useMemo(() => doubtsIn(text, claims), [text, claims]);
  const leaf = (from: number, to: number) => doubted(text, from, to, doubts);
  const inline = (one: Inline): ReactNode => {
    switch (one.kind) {
      case "cite": {
        const citation = known.get(one.n);
        return citation ? <CiteMark key={one.from} citation={citation} onOpen={onCite} /> : null;
      }
      case "code":
        return <code key={one.from} className={css.code}>{text.slice(one.from, one.to)}</code>;
      case "strong":
        return <strong key={one.from}>{one.of.map(inline)}</strong>;
      case "em":
        return <em key={one.from}>{one.of.map(inline)}</em>;
      default:
        return leaf(one.from, one.to);
    }
  };
  return (
    <div className={css.answer} dir="auto" data-writing={writing}>
      {blocks.map((block, at) => <Shown key={at} block={block} text={text} inline={inline} />)}
    </div>
  );
});

function Shown({ block, text, inline }: { block: Block; text: string; inline: (one: Inline) => ReactNode }) {
  switch (block.kind) {
    case "heading":
      return <p className={css.heading}>{block.of.map(inline)}</p>;
    case "list": {
      const items = block.items.map((item, at) => <li key={at}>{item.map(inline)}</li>);
      return block.ordered ? <ol start={block.start}>{items}</ol> : <ul>{items}</ul>;
    }
    case "table":
      return (
        <div className={css.scroll} tabIndex={0} role="group">
          <table>
            <tbody>{block.rows.map((row, at) => <tr key={at}>{row.map((cell, to) => (at ? <td key={to}>{cell.map(inline)}</td> : <th key={to} scope="col">{cell.map(inline)}</th>))}</tr>)}</tbody>
          </table>
        </div>
      );
    case "code":
      return <pre className={css.scroll} tabIndex={0}>{text.slice(block.from, block.to)}</pre>;
    default:
      return <p>{block.of.map(inline)}</p>;
  }
}

function doubtsIn(text: string, claims: readonly Claim[]): Doubt[] {
  const short = claims.filter((one) => one.verdict !== "supported" && one.span !== null);
  const units = unitsOf(text, short.flatMap((one) => one.span as number[]));
  return short.map((claim) => {
    const [from, to] = claim.span as [number, number];
    return { from: units.get(from) ?? 0, to: units.get(to) ?? 0, claim };
  });
}

/** A piece of text, cut where a doubtful sentence begins or ends. */
function doubted(text: string, from: number, to: number, doubts: readonly Doubt[]): ReactNode {
  const made: ReactNode[] = [];
  let at = from;
  for (const doubt of doubts) {
    const [since, until] = [Math.max(doubt.from, at), Math.min(doubt.to, to)];
    if (since >= until) continue;
    if (since > at) made.push(text.slice(at, since));
    made.push(<Doubtful key={since} claim={doubt.claim} ends={!/\S/.test(text.slice(until, doubt.to).replace(/\[\d+\]/g, ""))}>{text.slice(since, until)}</Doubtful>);
    at = until;
  }
  if (at < to) made.push(text.slice(at, to));
  return made;
}

function Doubtful({ claim, ends, children }: { claim: Claim; ends: boolean; children: string }) {
  const { t } = useTranslation("ask");
  const verdict = claim.verdict === "partly" ? "partly" : "unsupported";
  return (
    <mark {...hint(claim.reason || t(`verdict.${verdict}Tell`))} className={css[verdict]} data-verdict={verdict}>
      {children}
      {ends ? <span className={css.label} tabIndex={0}>{t(`verdict.${verdict}`)}</span> : null}
    </mark>
  );
}
