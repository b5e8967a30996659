import css from "./candidates.module.css";
import { place } from "./report";

interface BarProps {
  found: { mean: number; low: number; high: number };
  /** How far the plot goes to either side of none. */
  far: number;
  colour: string;
}

/** Where a difference lies around none at all; its numbers stand beside it. */
export function Bar({ found, far, colour }: BarProps) {
  const x = (value: number) => 100 * place(value, far);
  const stroke = `var(--mantine-color-${colour}-filled)`;
  return (
    <svg className={css.interval} viewBox="0 0 100 16" preserveAspectRatio="none" aria-hidden>
      <line x1={50} x2={50} y1={0} y2={16} stroke="var(--soft)" strokeDasharray="2 2" vectorEffect="non-scaling-stroke" />
      <line x1={x(found.low)} x2={x(found.high)} y1={8} y2={8} stroke={stroke} strokeWidth={3} strokeLinecap="round" vectorEffect="non-scaling-stroke" />
      <line x1={x(found.mean)} x2={x(found.mean)} y1={2} y2={14} stroke={stroke} strokeWidth={3} vectorEffect="non-scaling-stroke" />
    </svg>
  );
}
