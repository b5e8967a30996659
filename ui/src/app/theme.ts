import { createTheme, type MantineColorsTuple } from "@mantine/core";

/** The blue of the mark, from paper to ink. */
const slate: MantineColorsTuple = [
  "#eef5fb", "#dbe8f3", "#b3d0e6", "#88b6d9", "#64a0ce", "#4c91c7", "#3377ae", "#1f5d8c", "#194d75", "#103a5b",
];

export const theme = createTheme({
  primaryColor: "slate",
  primaryShade: { light: 7, dark: 6 },
  colors: { slate },
  autoContrast: true,
  luminanceThreshold: 0.18,
  defaultRadius: "md",
  cursorType: "pointer",
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  headings: { fontWeight: "650" },
  components: {
    Anchor: { defaultProps: { underline: "always" } },
    ActionIcon: { defaultProps: { variant: "subtle", color: "gray" } },
    Tooltip: { defaultProps: { openDelay: 350, withArrow: false } },
    Modal: { defaultProps: { centered: true } },
  },
});
