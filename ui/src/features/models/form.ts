import type { Schemas } from "@/api/client";
import type { Declared } from "./queries";

/** What may be added here; the others use what the server's machine has, and are configured there. */
export const PROVIDERS = ["openai_like", "openai", "anthropic", "google"] as const;
export const POLICIES = ["unknown", "allow", "deny"] as const;
const KEYED: readonly string[] = ["openai", "anthropic", "google"];
const ADDRESSED: readonly string[] = ["openai_like", "openai"];
const NUMBERS = ["context_window", "max_output_tokens", "temperature", "timeout_seconds", "input_price", "output_price", "retries"] as const;

export type Number_ = (typeof NUMBERS)[number];
export type Draft = Record<Number_, number | ""> & {
  name: string;
  provider: string;
  model: string;
  base_url: string;
  key: string;
  capabilities: string[];
  output_training_policy: (typeof POLICIES)[number];
  reports_usage: boolean;
};
export type Wrong = Partial<Record<keyof Draft, "needed" | "name" | "address" | "together" | "keyed" | "key" | "moved" | "taken">>;

export const EMPTY: Draft = {
  name: "", provider: "openai_like", model: "", base_url: "", key: "",
  context_window: "", max_output_tokens: "", temperature: "", timeout_seconds: "", input_price: "", output_price: "", retries: "",
  capabilities: [], output_training_policy: "unknown", reports_usage: true,
};

export const addressed = (provider: string) => ADDRESSED.includes(provider);
export const keyed = (provider: string) => KEYED.includes(provider);

/** What a model has, to be changed. */
export function draftOf({ name, settings }: Pick<Declared, "name" | "settings">): Draft {
  const known = Object.fromEntries(Object.entries(settings).filter(([key, value]) => key in EMPTY && value !== null));
  return { ...EMPTY, ...known, name };
}

/** What to send; what was left empty is the server's to choose. */
export function settingsOf(draft: Draft): Schemas["AddedModelSettings"] {
  const { provider, model, base_url, capabilities, output_training_policy, reports_usage } = draft;
  const numbers = Object.fromEntries(NUMBERS.flatMap((one) => (draft[one] === "" ? [] : [[one, draft[one]]])));
  const address = addressed(provider) ? base_url.trim() : "";
  return {
    provider, model: model.trim(), ...numbers,
    ...(address ? { base_url: address } : {}),
    ...(capabilities.length ? { capabilities } : {}),
    ...(output_training_policy === "unknown" ? {} : { output_training_policy }),
    ...(reports_usage ? {} : { reports_usage }),
  } as Schemas["AddedModelSettings"];
}

/** What a key is given for; it is sent nowhere else. */
export function addressOf({ provider, base_url }: Pick<Draft, "provider" | "base_url">): string {
  return `${provider} ${base_url.trim().replace(/\/+$/, "")}`.trim();
}

/** What keeps it from being sent, by field; `before` is the model as it is. */
export function wrongIn(draft: Draft, before?: Declared): Wrong {
  const wrong: Wrong = {};
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(draft.name)) wrong.name = draft.name ? "name" : "needed";
  if (!draft.model.trim()) wrong.model = "needed";
  const address = addressed(draft.provider) ? draft.base_url.trim() : "";
  if (draft.provider === "openai_like" && !address) wrong.base_url = "needed";
  else if (address && !/^https?:\/\/[^\s/]+/.test(address)) wrong.base_url = "address";
  if ((draft.input_price === "") !== (draft.output_price === "")) wrong[draft.input_price === "" ? "input_price" : "output_price"] = "together";
  if (draft.key) {
    if (!/^[\x21-\x7e]{1,4000}$/.test(draft.key)) wrong.key = "key";
  } else if (before?.key) {
    if (addressOf(draftOf(before)) !== addressOf(draft)) wrong.key = "moved";
  } else if (keyed(draft.provider)) wrong.key = "keyed";
  return wrong;
}

/** What to call a model where nobody said: the last part of the provider's name of it. */
export function named(model: string): string {
  return (model.trim().split("/").at(-1) ?? "").replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[._-]+/, "").slice(0, 60);
}
