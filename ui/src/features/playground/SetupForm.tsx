import { NativeSelect, NumberInput, SimpleGrid, Switch } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { counted } from "@/app/lasting";
import { ago } from "@/app/when";
import { BOUNDS, differing, FUSIONS, NUMBERS, setupOf, type Generation, type Setup, type Told } from "./setup";

interface SetupFormProps {
  setup: Setup;
  /** The knobs that counted last; what is not changed shows them. */
  own: Told["knobs"] | undefined;
  reranker: boolean;
  /** Every build of the index, where there is more than one. */
  generations: Generation[];
  onChange: (setup: Setup) => void;
}

/** How one side searches; an empty field is the domain's own configuration. */
export function SetupForm({ setup, own, reranker, generations, onChange }: SetupFormProps) {
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
      {generations.length > 1 || setup.generation !== undefined ? <Which chosen={setup.generation} generations={generations} onChoose={(id) => set("generation", id)} /> : null}
      <Switch size="sm" label={t("knob.expand")} checked={setup.expand ?? true} onChange={(event) => set("expand", event.currentTarget.checked ? undefined : false)} />
      <Switch size="sm" label={t("knob.memory")} checked={setup.memory ?? true} onChange={(event) => set("memory", event.currentTarget.checked ? undefined : false)} />
      <Switch size="sm" label={t("knob.release")} checked={setup.release ?? true} onChange={(event) => set("release", event.currentTarget.checked ? undefined : false)} />
      <Switch size="sm" label={t("knob.rerank")} description={reranker ? undefined : t("noReranker")} disabled={!reranker} checked={reranker && (setup.rerank ?? true)} onChange={(event) => set("rerank", event.currentTarget.checked ? undefined : false)} />
    </>
  );
}

/** How each build beside the live one is called. */
const labels = { live: "live", building: "building", filling: "building", beside: "beside", retired: "retired" } as const;

/** Which build of the index one side searches. */
function Which({ chosen, generations, onChoose }: { chosen: string | undefined; generations: Generation[]; onChoose: (id: string | undefined) => void }) {
  const { t } = useTranslation("playground");
  const live = generations.find((one) => one.state === "live");
  const shown = generations.find((one) => one.id === chosen) ?? (chosen === undefined ? live : undefined);
  const others = generations.filter((one) => one !== live);
  const gone = chosen !== undefined && shown === undefined;
  const parts = shown ? differing(shown, live).map((part) => t(`part.${part}`, { defaultValue: part })).join(", ") : "";
  return (
    <NativeSelect
      label={t("generation")}
      size="xs"
      description={shown?.problem || (shown && shown !== live ? (parts ? t("differsIn", { parts }) : t("madeAlike")) : undefined)}
      value={shown === live && !gone ? "" : chosen}
      onChange={(event) => onChoose(event.currentTarget.value || undefined)}
      data={[
        { value: "", label: t("live", { count: live?.documents ?? 0, documents: counted(live?.documents ?? 0) }) },
        ...others.map((one) => ({ value: one.id, label: t(one.problem ? "unsearchable" : labels[one.state], { count: one.documents, documents: counted(one.documents), at: ago(one.created_at) }), disabled: one.problem !== "" })),
        ...(gone ? [{ value: chosen, label: t("gone") }] : []),
      ]}
    />
  );
}
