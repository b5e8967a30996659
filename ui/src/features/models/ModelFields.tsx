import { Accordion, Checkbox, NumberInput, PasswordInput, Select, SimpleGrid, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { addressed, keyed, named, POLICIES, PROVIDERS, type Draft, type Number_, type Wrong } from "./form";

const EXAMPLE = "https://models.example.com/v1";

interface ModelFieldsProps {
  draft: Draft;
  wrong: Wrong;
  /** Its name stands fast, and its key may stay. */
  exists?: boolean;
  hasKey?: boolean;
  onChange: (draft: Draft) => void;
}

/** What a model is asked by. It holds nothing: what is typed is the caller's. */
export function ModelFields({ draft, wrong, exists = false, hasKey = false, onChange }: ModelFieldsProps) {
  const { t } = useTranslation("models");
  const set = (some: Partial<Draft>) => onChange({ ...draft, ...some });
  const error = (field: keyof Draft) => wrong[field] && t(`wrong.${wrong[field]}`);
  const number = (field: Number_, placeholder: string, more: { min: number; max?: number; decimal?: boolean } = { min: 0 }) => (
    <NumberInput
      label={t(`field.${field}`)}
      description={t(`field.${field}Tell`)}
      placeholder={placeholder}
      value={draft[field]}
      min={more.min}
      {...(more.max === undefined ? {} : { max: more.max })}
      allowDecimal={more.decimal ?? false}
      thousandSeparator={more.decimal ? "" : " "}
      error={error(field)}
      onChange={(typed) => set({ [field]: typed === "" ? "" : Number(typed) })}
    />
  );
  // The name follows the model until somebody writes another one.
  const model = (typed: string) => set({ model: typed, ...(!exists && draft.name === named(draft.model) ? { name: named(typed) } : {}) });
  return (
    <Stack gap="md">
      <Select label={t("field.provider")} description={t(`provider.${draft.provider as "openai"}Tell`, { defaultValue: "" })} data={PROVIDERS.map((one) => ({ value: one, label: t(`provider.${one}`) }))} value={draft.provider} allowDeselect={false} onChange={(chosen) => set({ provider: chosen ?? draft.provider })} />
      {addressed(draft.provider) ? <TextInput label={t("field.base_url")} description={t("field.base_urlTell")} placeholder={EXAMPLE} required={draft.provider === "openai_like"} maxLength={2_000} spellCheck={false} autoComplete="off" inputMode="url" value={draft.base_url} error={error("base_url")} onChange={(event) => set({ base_url: event.currentTarget.value })} /> : null}
      <TextInput label={t("field.model")} description={t("field.modelTell")} required maxLength={200} spellCheck={false} autoComplete="off" value={draft.model} error={error("model")} onChange={(event) => model(event.currentTarget.value)} />
      {exists ? null : <TextInput label={t("field.name")} description={t("field.nameTell")} required maxLength={100} spellCheck={false} autoComplete="off" value={draft.name} error={error("name")} onChange={(event) => set({ name: event.currentTarget.value })} />}
      <PasswordInput label={t("field.key")} description={hasKey ? t("field.keyKept") : t("field.keyTell")} required={keyed(draft.provider) && !hasKey} autoComplete="new-password" maxLength={4_000} value={draft.key} error={error("key")} onChange={(event) => set({ key: event.currentTarget.value.trim() })} />
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        {number("context_window", "8192", { min: 256 })}
        {number("max_output_tokens", "512", { min: 16 })}
        {number("input_price", t("field.unset"), { min: 0, decimal: true })}
        {number("output_price", t("field.unset"), { min: 0, decimal: true })}
      </SimpleGrid>
      <Accordion variant="contained">
        <Accordion.Item value="more">
          <Accordion.Control><Text size="sm">{t("field.more")}</Text></Accordion.Control>
          <Accordion.Panel>
            <Stack gap="md">
              <SimpleGrid cols={{ base: 1, sm: 2 }}>
                {number("temperature", "0", { min: 0, max: 2, decimal: true })}
                {number("timeout_seconds", "60", { min: 1, max: 86_400 })}
                {number("retries", "1", { min: 0, max: 5 })}
                <Select label={t("field.policy")} description={t("field.policyTell")} data={POLICIES.map((one) => ({ value: one, label: t(`policy.${one}`) }))} value={draft.output_training_policy} allowDeselect={false} onChange={(chosen) => set({ output_training_policy: (chosen) ?? "unknown" })} />
              </SimpleGrid>
              <TagsInput label={t("field.capabilities")} description={t("field.capabilitiesTell")} splitChars={[",", " "]} acceptValueOnBlur maxTags={50} value={draft.capabilities} onChange={(capabilities) => set({ capabilities })} />
              {addressed(draft.provider) ? <Checkbox label={t("field.reports")} description={t("field.reportsTell")} checked={draft.reports_usage} onChange={(event) => set({ reports_usage: event.currentTarget.checked })} /> : null}
            </Stack>
          </Accordion.Panel>
        </Accordion.Item>
      </Accordion>
    </Stack>
  );
}
