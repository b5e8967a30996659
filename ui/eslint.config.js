import js from "@eslint/js";
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

const noHtml = {
  selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']",
  message: "Nothing anybody wrote becomes HTML: render it as text.",
};

export default tseslint.config(
  { ignores: ["node_modules", "src/api/schema.d.ts"] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  hooks.configs.flat["recommended-latest"],
  {
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ["eslint.config.js", "routes.js"] } } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "max-lines": ["error", { max: 300, skipBlankLines: true }],
      "no-restricted-syntax": ["error", noHtml],
    },
  },
  {
    files: ["src/primitives/**"],
    rules: {
      "no-restricted-imports": ["error", { patterns: [{ group: ["@/api/*", "@/features/*", "@tanstack/react-query"], message: "Primitives never fetch." }] }],
    },
  },
  { files: ["**/*.js"], ...tseslint.configs.disableTypeChecked, languageOptions: { globals: { process: "readonly", URL: "readonly" } } },
);
