import Form from "@rjsf/core/lib/components/Form.js";
import { useId, useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { addWords } from "@/app/words";
import de from "./fields.de.json";
import { useTold } from "./told";
import { filled, looks, named, prepared } from "./schema";
import { fields, templates, widgets } from "./theme";
import { validator } from "./validator";

export type Config = Record<string, unknown>;

interface ConfigFormProps {
  id: string;
  schema: Record<string, unknown>;
  value: Config;
  /** Names of secrets that the server has; empty fields keep them. */
  kept?: readonly string[];
  onChange: (config: Config) => void;
  onSubmit: () => void;
  /** Where the fields go among what else is sent with them. */
  children: (fields: ReactNode) => ReactNode;
}

const KNOWN = ["required", "pattern", "type", "minItems", "minimum", "maximum", "exclusiveMinimum", "minLength"] as const;
const FIELDS = "fields";
addWords(FIELDS, { en: {}, de });
const NONE: readonly string[] = [];

/** The form that a connector's schema describes. It holds nothing: what is typed is the caller's. */
export default function ConfigForm({ id, schema, value, kept = NONE, onChange, onSubmit, children }: ConfigFormProps) {
  const { t, i18n } = useTranslation("sources");
  const { language } = i18n;
  const [tried, setTried] = useState(false);
  const form = useId();
  const tell = useTold();
  const shape = useMemo(() => {
    // What nobody has translated is called as the connector calls it.
    const words = i18n.getResourceBundle(language, FIELDS) as Record<string, string> | undefined;
    const made = prepared(schema, (title) => words?.[title] ?? named(title), tell);
    // What the server keeps need not be typed again.
    if (made.required) made.required = made.required.filter((name) => !kept.includes(name));
    return made;
  }, [schema, kept, i18n, language, tell]);
  const look = useMemo(() => ({ ...looks(shape), "ui:label": false }), [shape]);
  const check = useMemo(
    () => validator((keyword) => t(`form.${KNOWN.find((one) => one === keyword) ?? "wrong"}`)),
    [t],
  );
  return (
    <form
      id={form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        setTried(true);
        if (check.validateFormData(value, shape).errors.length === 0) onSubmit();
      }}
    >
      {children(
        <Form
          tagName="div"
          idPrefix={id}
          schema={shape}
          uiSchema={look}
          formData={value}
          formContext={{ kept }}
          validator={check}
          liveValidate={tried ? "onChange" : false}
          {...(tried ? { extraErrors: check.validateFormData(value, shape).errorSchema } : {})}
          showErrorList={false}
          noHtml5Validate
          experimental_defaultFormStateBehavior={{ emptyObjectFields: "skipDefaults" }}
          widgets={widgets}
          fields={fields}
          templates={templates}
          onChange={({ formData }) => onChange(filled(formData ?? {}) as Config)}
        >
          <></>
        </Form>,
      )}
    </form>
  );
}
