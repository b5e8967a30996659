import { Group, Paper, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Bar, BarChart, CartesianGrid, Line, LineChart, ResponsiveContainer, Tooltip, XAxis, YAxis, type TooltipContentProps } from "recharts";
import css from "./models.module.css";
import type { Series } from "./series";

interface ChartProps {
  label: string;
  series: Series;
  /** Lines where values are no sums, else stacked bars. */
  lines: boolean;
  told: (value: number) => string;
  call: (name: string) => string;
}

type Row = Series["rows"][number];

export const colour = (at: number) => `var(--chart-${at + 1})`;

/** Days from left to right. The same numbers stand in the table below it. */
export default function Chart({ label, series: { names, rows }, lines, told, call }: ChartProps) {
  const { i18n } = useTranslation();
  const short = new Intl.DateTimeFormat(i18n.language, { day: "numeric", month: "short", timeZone: "UTC" });
  const parts = [
    <CartesianGrid key="grid" vertical={false} stroke="var(--line)" />,
    <XAxis key="x" dataKey="day" tickLine={false} stroke="var(--soft)" fontSize={12} minTickGap={24} tickFormatter={(day: string) => short.format(new Date(day))} />,
    <YAxis key="y" tickLine={false} axisLine={false} stroke="var(--soft)" fontSize={12} width={72} tickFormatter={told} />,
    <Tooltip key="tip" isAnimationActive={false} cursor={{ fill: "var(--line)", opacity: 0.5 }} content={(tip) => <Tip tip={tip} names={names} told={told} call={call} />} />,
  ];
  const shared = { data: rows, margin: { top: 8, right: 8, bottom: 0, left: 0 }, accessibilityLayer: false };
  const values = (at: number) => ({ dataKey: (row: Row) => row.values[at], name: names[at] ?? "", isAnimationActive: false });
  return (
    <div className={css.chart} role="img" aria-label={label}>
      <ResponsiveContainer width="100%" height="100%">
        {lines ? (
          <LineChart {...shared}>
            {parts}
            {names.map((name, at) => <Line key={name} {...values(at)} stroke={colour(at)} strokeWidth={2} dot={{ r: 2.5, fill: colour(at) }} connectNulls />)}
          </LineChart>
        ) : (
          <BarChart {...shared}>
            {parts}
            {names.map((name, at) => <Bar key={name} {...values(at)} stackId="all" fill={colour(at)} maxBarSize={36} />)}
          </BarChart>
        )}
      </ResponsiveContainer>
    </div>
  );
}

interface TipProps extends Pick<ChartProps, "told" | "call"> {
  tip: TooltipContentProps;
  names: string[];
}

function Tip({ tip: { active, payload }, names, told, call }: TipProps) {
  const { i18n } = useTranslation();
  const row = payload[0]?.payload as Row | undefined;
  if (!active || !row) return null;
  const shown = names.flatMap((name, at) => {
    const value = row.values[at];
    return value ? [{ name, at, value }] : [];
  });
  return (
    <Paper withBorder p="xs" bg="var(--raised)" shadow="sm" maw={280}>
      <Text size="xs" fw={600}>{new Intl.DateTimeFormat(i18n.language, { dateStyle: "medium", timeZone: "UTC" }).format(new Date(row.day))}</Text>
      {shown.map(({ name, at, value }) => (
        <Group key={name} gap="xs" justify="space-between" wrap="nowrap">
          <Group gap={6} wrap="nowrap" style={{ minWidth: 0 }}><span className={css.swatch} data-colour={at + 1} /><Text size="xs" truncate><bdi>{call(name)}</bdi></Text></Group>
          <Text size="xs" className={css.number}>{told(value)}</Text>
        </Group>
      ))}
    </Paper>
  );
}
