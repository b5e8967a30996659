import { NativeSelect, NumberInput, SimpleGrid, Switch } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { BOUNDS, FUSIONS, NUMBERS, setupOf, type Setup, type Told } from "./setup";

interface SetupFormProps {
  setup: Setup;
  /** The knobs that counted last; what is not changed shows them. */
  own: Told["knobs"] | undefined;
  reranker: boolean;
  onChange: (setup: Setup) => void;
}

/** How one side searches; an empty field is the domain's own configuration. */
export function SetupForm({ setup, own, reranker, onChange }: SetupFormProps) {
  const { t } = useTranslation("playground");
  const set = <Key extends keyof Setup>(key: Key, value: Setup[Key]) => {
    const others = Object.entries(setup).filter(([one]) => one !== key);
    onChange(Object.fromEntries(value === undefined ? others : [...others, [key, value]]));
  };
  const usual = own ? { placeholder: t("usual") } : {};
  return (
    <>
      <SimpleGrid cols={{ base: 2, sm: 3 }} spacing="sm">
        {NUMBERS.map((key) => (
          <NumberInput key={key} label={t(`knob.${key}`)} size="xs" min={BOUNDS[key][0]} max={BOUNDS[key][1]} allowDecimal={key.endsWith("weight")} step={key.endsWith("weight") ? 0.1 : 1} {...usual} {...(own && setup[key] === undefined ? { placeholder: String(own[key]) } : {})} value={setup[key] ?? ""} onChange={(typed) => set(key, setupOf(`${key}:${typed}`)[key])} />
        ))}
        <NativeSelect label={t("knob.fusion")} size="xs" value={setup.fusion ?? ""} onChange={(event) => set("fusion", FUSIONS.find((one) => one === event.currentTarget.value))} data={[{ value: "", label: own && setup.fusion === undefined ? t("usualOne", { one: own.fusion }) : t("usual") }, ...FUSIONS]} />
      </SimpleGrid>
      <Switch size="sm" label={t("knob.expand")} checked={setup.expand ?? true} onChange={(event) => set("expand", event.currentTarget.checked ? undefined : false)} />
      <Switch size="sm" label={t("knob.rerank")} description={reranker ? undefined : t("noReranker")} disabled={!reranker} checked={reranker && (setup.rerank ?? true)} onChange={(event) => set("rerank", event.currentTarget.checked ? undefined : false)} />
    </>
  );
}
