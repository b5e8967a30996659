import { Button, Group, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Trouble } from "@/app/Trouble";
import { useRate, useRetract } from "./rating";

/** "This should have been used": a document by its name or address. */
export function MissingDocument({ trace, label }: { trace: string; label: string }) {
  const { t } = useTranslation("ask");
  const [name, setName] = useState("");
  const rate = useRate(trace);
  const retract = useRetract(trace);
  const kept = rate.data;
  if (kept && !retract.isSuccess)
    return (
      <Group gap="xs" role="status">
        <Text size="sm">{t("missing.kept", { name: kept.target.name })}</Text>
        <Button size="compact-xs" variant="subtle" onClick={() => retract.mutate(kept.id)}>{t("rate.undo")}</Button>
        {retract.error ? <Trouble error={retract.error} /> : null}
      </Group>
    );
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        retract.reset();
        rate.mutate({ target: { kind: "missing_document", document_id: "", name: name.trim() }, value: 1 });
      }}
    >
      <Group align="flex-end" gap="xs" wrap="nowrap">
        <TextInput style={{ flex: 1 }} size="sm" label={label} placeholder={t("missing.placeholder")} value={name} onChange={(event) => setName(event.currentTarget.value)} maxLength={2_000} required withAsterisk={false} />
        <Button type="submit" size="sm" variant="default" disabled={!name.trim()} loading={rate.isPending}>{t("missing.send")}</Button>
      </Group>
      {rate.error ? <Trouble error={rate.error} /> : null}
    </form>
  );
}
