/**
 * The words of an answer, for the page to show as text: a small part of Markdown, and citation marks.
 * There are no links, no images and no HTML in it: whatever else is written stays as it is written.
 */

/** Characters `from` to `to` of the answer, in UTF-16 units. */
interface Range {
  from: number;
  to: number;
}
export type Inline =
  | (Range & { kind: "text" | "code" })
  | (Range & { kind: "cite"; n: number })
  | (Range & { kind: "strong" | "em"; of: Inline[] });
export type Block =
  | { kind: "paragraph"; of: Inline[] }
  | { kind: "heading"; of: Inline[] }
  | { kind: "list"; ordered: boolean; start: number; items: Inline[][] }
  | { kind: "table"; rows: Inline[][][] }
  | (Range & { kind: "code" });

interface Line extends Range {
  text: string;
}

const ITEM = /^\s{0,8}(?:[-*•–]|(\d{1,4})[.)])\s+(?=\S)/;
const HEADING = /^#{1,6}\s+(?=\S)/;
const FENCE = /^\s{0,3}```/;
const ROW = /^\s*\|.*\|\s*$/;
const RULE = /^[\s|:-]+$/;
/** Nothing nests deeper; what would stays as it is written. */
const DEEPEST = 3;

export function parse(text: string, numbers: ReadonlySet<number>): Block[] {
  const lines = linesOf(text);
  const inline = (from: number, to: number) => inlineOf(text, from, to, numbers, 0);
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; ) {
    const line = lines[at];
    if (line === undefined) break;
    const until = (fits: (one: Line) => boolean) => {
      let next = at + 1;
      while (next < lines.length && fits(lines[next] as Line)) next++;
      return next;
    };
    let next = at + 1;
    const item = ITEM.exec(line.text);
    if (line.text.trim() === "") {
      at = next;
      continue;
    }
    if (FENCE.test(line.text)) {
      next = until((one) => !FENCE.test(one.text));
      const inside = lines.slice(at + 1, next);
      blocks.push({ kind: "code", from: inside[0]?.from ?? line.to, to: inside.at(-1)?.to ?? line.to });
      next++;
    } else if (HEADING.test(line.text)) {
      blocks.push({ kind: "heading", of: inline(line.from + (HEADING.exec(line.text)?.[0].length ?? 0), line.to) });
    } else if (item) {
      const ordered = item[1] !== undefined;
      next = until((one) => (ITEM.exec(one.text)?.[1] !== undefined) === ordered && ITEM.test(one.text));
      const items = lines.slice(at, next).map((one) => inline(one.from + (ITEM.exec(one.text)?.[0].length ?? 0), one.to));
      blocks.push({ kind: "list", ordered, start: Number(item[1] ?? 1), items });
    } else if (ROW.test(line.text) && RULE.test(lines[at + 1]?.text ?? "x")) {
      next = until((one) => ROW.test(one.text));
      const rows = lines.slice(at, next).filter((one) => !RULE.test(one.text));
      blocks.push({ kind: "table", rows: rows.map((one) => cellsOf(one).map((cell) => inline(cell.from, cell.to))) });
    } else {
      next = until((one) => one.text.trim() !== "" && !ITEM.test(one.text) && !HEADING.test(one.text) && !FENCE.test(one.text));
      blocks.push({ kind: "paragraph", of: inline(line.from, (lines[next - 1] ?? line).to) });
    }
    at = next;
  }
  return blocks;
}

function linesOf(text: string): Line[] {
  let from = 0;
  return text.split("\n").map((line) => {
    const made = { from, to: from + line.length, text: line };
    from = made.to + 1;
    return made;
  });
}

function cellsOf(line: Line): Range[] {
  const cells: Range[] = [];
  let from = line.text.indexOf("|") + 1;
  for (let to = line.text.indexOf("|", from); to >= 0; from = to + 1, to = line.text.indexOf("|", from))
    cells.push({ from: line.from + from, to: line.from + to });
  return cells;
}

const SPECIAL = /\[(\d{1,6})\]|`([^`\n]+)`|\*\*(?=\S)([^\n]*?\S)\*\*|(?<![\w*])\*(?=[^\s*])([^*\n]*?[^\s*])\*(?![\w*])/g;

function inlineOf(text: string, from: number, to: number, numbers: ReadonlySet<number>, depth: number): Inline[] {
  const made: Inline[] = [];
  let at = from;
  const plain = (end: number) => {
    if (end > at) made.push({ kind: "text", from: at, to: end });
  };
  for (const found of text.slice(from, to).matchAll(SPECIAL)) {
    const [start, end] = [from + found.index, from + found.index + found[0].length];
    const [, number, code, strong, em] = found;
    if (number !== undefined && !numbers.has(Number(number))) continue;
    if ((strong ?? em) !== undefined && depth >= DEEPEST) continue;
    plain(start);
    at = end;
    if (number !== undefined) made.push({ kind: "cite", n: Number(number), from: start, to: end });
    else if (code !== undefined) made.push({ kind: "code", from: start + 1, to: end - 1 });
    else {
      const edge = strong === undefined ? 1 : 2;
      made.push({ kind: edge === 2 ? "strong" : "em", from: start, to: end, of: inlineOf(text, start + edge, end - edge, numbers, depth + 1) });
    }
  }
  plain(to);
  return made;
}

/** Where each of these characters begins in UTF-16 units: the server counts characters, we units. */
export function unitsOf(text: string, characters: readonly number[]): Map<number, number> {
  const wanted = [...new Set(characters)].sort((a, b) => a - b);
  const found = new Map<number, number>();
  let character = 0;
  let unit = 0;
  for (const one of wanted) {
    while (character < one && unit < text.length) {
      unit += (text.codePointAt(unit) ?? 0) > 0xffff ? 2 : 1;
      character++;
    }
    found.set(one, unit);
  }
  return found;
}
