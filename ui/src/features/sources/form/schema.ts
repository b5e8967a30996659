import type { RJSFSchema, UiSchema } from "@rjsf/utils";

type Node = RJSFSchema;
const FOLDED = ["networks"];

/** The one shape of a value that may also be null or absent: the form leaves out what is empty. */
function present(node: Node): Node {
  const some = (node.anyOf as Node[] | undefined)?.filter((one) => one.type !== "null");
  if (some?.length !== 1 || !some[0]) return node;
  const whole = { ...some[0], ...node };
  delete whole.anyOf;
  return whole;
}

/** A field's name for people: "Max Bytes" is how a machine would say "Max bytes". */
export function named(title: string): string {
  const [first = "", ...rest] = title.split(" ");
  return [first, ...rest.map((word) => (word === word.toUpperCase() && word.length > 1 ? word : word.toLowerCase()))].join(" ");
}

/** A connector's schema as a form wants it: no nulls, no defaults for secrets, fields called and told as is said here. */
export function prepared(node: Node, call: (title: string) => string = named, tell: (description: string) => string = (said) => said): Node {
  const one = present(node);
  const { default: usual, ...secret } = one;
  const made: Node = one.format === "password" ? secret : { ...secret, ...(usual === undefined ? {} : { default: usual }) };
  if (typeof made.title === "string") made.title = call(made.title);
  if (typeof made.description === "string") made.description = tell(made.description);
  const each = (all: Record<string, unknown>) => Object.fromEntries(Object.entries(all).map(([key, value]) => [key, prepared(value as Node, call, tell)]));
  if (made.properties) made.properties = each(made.properties);
  if (made.$defs) made.$defs = each(made.$defs);
  if (made.items && typeof made.items === "object" && !Array.isArray(made.items)) made.items = prepared(made.items, call, tell);
  return made;
}

/** Which field a value gets: lists of words as words, what has no fixed fields as JSON. */
export function looks(node: Node, root: Node = node): UiSchema {
  const target = deref(node, root);
  if (target.type === "array") {
    const items = deref((target.items ?? {}) as Node, root);
    return items.type === "string" ? { "ui:widget": "words" } : { items: looks(items, root) };
  }
  if (target.type !== "object") return {};
  if (!target.properties) return { "ui:field": "json" };
  const below = Object.entries(target.properties).map(([key, value]) => [key, looks(value as Node, root)]);
  return Object.fromEntries(below) as UiSchema;
}

function deref(node: Node, root: Node): Node {
  const name = /^#\/\$defs\/(.+)$/.exec(node.$ref ?? "")?.[1];
  return name === undefined ? node : ((root.$defs?.[name] as Node | undefined) ?? node);
}

/** Whether a field is for the few: how much and how long, and what networks may be reached. */
export function folded(name: string, node: Node, required: boolean): boolean {
  return !required && (FOLDED.includes(name) || node.type === "integer" || node.type === "number");
}

/** Without the fields that hold nothing, so that the connector's own default counts. */
export function filled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(filled);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([, one]) => one !== undefined && one !== null && one !== "");
  return Object.fromEntries(kept.map(([key, one]) => [key, filled(one)]));
}
