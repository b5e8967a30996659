/** Checks a form by its schema without making code at run time, which the content policy forbids. */
import { Validator, type Schema } from "@cfworker/json-schema";
import { toErrorSchema, type RJSFSchema, type RJSFValidationError, type ValidatorType } from "@rjsf/utils";

export interface Wrong {
  path: string[];
  keyword: string;
}

/** What is wrong, where; the innermost of what is said, since the rest only repeats it. */
export function wrongs(schema: RJSFSchema, data: unknown): Wrong[] {
  const { errors } = new Validator(schema as Schema, "2020-12", false).validate(data ?? {});
  const found = errors
    .filter(({ keyword }) => !["properties", "items", "$ref", "allOf"].includes(keyword))
    .map(({ keyword, instanceLocation, error }) => {
      const path = instanceLocation.split("/").slice(1).map((part) => decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~"));
      const missing = keyword === "required" ? /"(.*)"/.exec(error)?.[1] : undefined;
      return { path: missing === undefined ? path : [...path, missing], keyword };
    });
  return found.filter((one, at) => found.findIndex((other) => other.path.join("/") === one.path.join("/")) === at);
}

/** `say` gives the words for a keyword of JSON Schema. */
export function validator(say: (keyword: string) => string): ValidatorType {
  const listed = (schema: RJSFSchema, data: unknown): RJSFValidationError[] =>
    wrongs(schema, data).map(({ path, keyword }) => ({ name: keyword, property: `.${path.join(".")}`, message: say(keyword), stack: say(keyword) }));
  return {
    validateFormData(data: unknown, schema) {
      const errors = listed(schema, data);
      return { errors, errorSchema: toErrorSchema(errors) };
    },
    isValid: (schema, data: unknown, root: RJSFSchema) => wrongs({ ...schema, $defs: (root.$defs ?? {}) }, data).length === 0,
    rawValidation: (schema, data) => ({ errors: listed(schema, data) as never[] }),
  };
}
