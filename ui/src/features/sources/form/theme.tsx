/** How the form's fields look: by the same components as everything else. */
import { Accordion, Button, Checkbox, Group, JsonInput, MultiSelect, NumberInput, Paper, PasswordInput, Select, Stack, TagsInput, Text, Textarea, TextInput } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import type { ArrayFieldItemTemplateProps, ArrayFieldTemplateProps, BaseInputTemplateProps, FieldProps, FieldTemplateProps, ObjectFieldTemplateProps, RJSFSchema, WidgetProps } from "@rjsf/utils";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { folded } from "./schema";

const said = ({ schema }: { schema: RJSFSchema }) => schema.description ?? undefined;
const usual = ({ schema }: { schema: RJSFSchema }) => (Array.isArray(schema.default) ? schema.default.join(", ") : typeof schema.default === "string" || typeof schema.default === "number" ? String(schema.default) : "");

/** What all inputs share. */
function base(props: WidgetProps) {
  const { id, label, required, disabled, readonly, rawErrors } = props;
  return {
    id,
    label,
    description: said(props),
    required: required ?? false,
    disabled: (disabled ?? false) || (readonly ?? false),
    error: rawErrors?.[0],
    placeholder: usual(props),
  };
}

function Input(props: BaseInputTemplateProps) {
  const value = props.value as string | number | undefined;
  if (props.schema.type === "integer" || props.schema.type === "number")
    return <NumberInput {...base(props)} value={value ?? ""} allowDecimal={props.schema.type === "number"} onChange={(typed) => props.onChange(typed === "" ? undefined : Number(typed))} />;
  return <TextInput {...base(props)} value={value ?? ""} autoComplete="off" spellCheck={false} onChange={(event) => props.onChange(event.currentTarget.value || undefined)} />;
}

function Secret(props: WidgetProps) {
  const { t } = useTranslation("sources");
  const kept = ((props.registry.formContext as { kept?: readonly string[] }).kept ?? []).includes(props.name);
  return (
    <PasswordInput
      {...base(props)}
      placeholder={kept ? t("form.kept") : ""}
      value={(props.value as string | undefined) ?? ""}
      autoComplete="new-password"
      onChange={(event) => props.onChange(event.currentTarget.value || undefined)}
    />
  );
}

function Tick(props: WidgetProps) {
  const { id, label, description, disabled, error } = base(props);
  const value = (props.value as boolean | undefined) ?? props.schema.default === true;
  return <Checkbox id={id} label={label} description={description} disabled={disabled} error={error} checked={value} onChange={(event) => props.onChange(event.currentTarget.checked)} />;
}

function Choice(props: WidgetProps) {
  const options = (props.options.enumOptions ?? []).map((one) => String(one.value)).filter((one) => one !== "");
  return <Select {...base(props)} data={options} value={(props.value as string | undefined) ?? null} clearable onChange={(chosen) => props.onChange(chosen ?? undefined)} />;
}

/** A list of words; empty is the connector's own default. */
function Words(props: WidgetProps) {
  const { t } = useTranslation("sources");
  const value = (props.value as string[] | undefined) ?? [];
  const given = (words: string[]) => props.onChange(words.length ? words : undefined);
  const one = props.schema.items as RJSFSchema | undefined;
  const shared = { ...base(props), placeholder: value.length ? "" : usual(props), value, onChange: given };
  if (one?.enum) return <MultiSelect {...shared} data={one.enum.map(String)} />;
  return <TagsInput {...shared} splitChars={[]} acceptValueOnBlur clearable clearButtonProps={{ "aria-label": t("form.clear") }} />;
}

function Long(props: WidgetProps) {
  return <Textarea {...base(props)} autosize minRows={3} value={(props.value as string | undefined) ?? ""} onChange={(event) => props.onChange(event.currentTarget.value || undefined)} />;
}

/** What has no fixed fields, as JSON; what is no JSON yet is not passed on. */
function Json({ schema, formData, onChange, fieldPathId, required, rawErrors, name }: FieldProps) {
  const { t } = useTranslation("sources");
  const [typed, setTyped] = useState(() => (formData === undefined ? "" : JSON.stringify(formData, null, 2)));
  const [bad, setBad] = useState(false);
  return (
    <JsonInput
      id={fieldPathId.$id}
      label={schema.title ?? name}
      description={schema.description}
      required={required ?? false}
      value={typed}
      autosize
      minRows={2}
      formatOnBlur
      placeholder="{ }"
      error={bad ? t("form.json") : rawErrors?.[0]}
      onChange={(text) => {
        setTyped(text);
        try {
          const value = text.trim() === "" ? undefined : (JSON.parse(text) as unknown);
          setBad(value !== undefined && (typeof value !== "object" || value === null || Array.isArray(value)));
          onChange(value, fieldPathId.path);
        } catch {
          setBad(true);
        }
      }}
    />
  );
}

const Field = ({ children, hidden }: FieldTemplateProps) => <div hidden={hidden ?? false}>{children}</div>;

function ObjectTemplate({ properties, schema, fieldPathId }: ObjectFieldTemplateProps) {
  const { t } = useTranslation("sources");
  const rare = (name: string) => folded(name, (schema.properties?.[name] ?? {}) as RJSFSchema, schema.required?.includes(name) ?? false);
  const more = fieldPathId.path.length ? [] : properties.filter(({ name }) => rare(name));
  const first = properties.filter((one) => !more.includes(one));
  const needed = (name: string) => (schema.required?.includes(name) ? 0 : 1);
  return (
    <Stack gap="md">
      {[...first].sort((a, b) => needed(a.name) - needed(b.name)).map((one) => one.content)}
      {more.length ? (
        <Accordion variant="contained">
          <Accordion.Item value="more">
            <Accordion.Control><Text size="sm">{t("form.more")}</Text></Accordion.Control>
            <Accordion.Panel><Stack gap="md">{more.map((one) => one.content)}</Stack></Accordion.Panel>
          </Accordion.Item>
        </Accordion>
      ) : null}
    </Stack>
  );
}

function ArrayTemplate({ title, schema, items, canAdd, onAddClick, fieldPathId }: ArrayFieldTemplateProps) {
  const { t } = useTranslation("sources");
  return (
    <Stack gap="xs" role="group" aria-labelledby={`${fieldPathId.$id}-name`}>
      <div>
        <Text id={`${fieldPathId.$id}-name`} size="sm" fw={500}>{title}</Text>
        {schema.description ? <Text size="xs" c="var(--soft)">{schema.description}</Text> : null}
      </div>
      {items}
      {canAdd ? <Group><Button size="xs" variant="default" leftSection={<IconPlus size={14} />} onClick={onAddClick}>{t("form.add")}</Button></Group> : null}
    </Stack>
  );
}

function ItemTemplate({ children, buttonsProps }: ArrayFieldItemTemplateProps) {
  const { t } = useTranslation("sources");
  return (
    <Paper withBorder p="sm">
      <Stack gap="xs">
        {children}
        <Group justify="flex-end"><Button size="compact-xs" variant="subtle" color="red" leftSection={<IconTrash size={14} />} onClick={buttonsProps.onRemoveItem}>{t("form.remove")}</Button></Group>
      </Stack>
    </Paper>
  );
}

export const widgets = { TextWidget: Input, PasswordWidget: Secret, CheckboxWidget: Tick, SelectWidget: Choice, TextareaWidget: Long, words: Words };
export const fields = { json: Json };
export const templates = {
  BaseInputTemplate: Input,
  FieldTemplate: Field,
  ObjectFieldTemplate: ObjectTemplate,
  ArrayFieldTemplate: ArrayTemplate,
  ArrayFieldItemTemplate: ItemTemplate,
};
