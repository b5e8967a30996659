import { Group, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Loaded } from "@/app/Loaded";
import { counted } from "@/app/lasting";
import { Panel } from "@/primitives/Panel";
import css from "./candidates.module.css";
import { useGains, type Gain } from "./queries";
import { farthest, signed, STRATA, type Interval } from "./report";

const WIDTH = 640, HEIGHT = 240, LEFT = 64, RIGHT = 16, TOP = 12, BOTTOM = 36;
const LINES = ["overall", ...STRATA] as const;
type Name = (typeof LINES)[number];

const ofLine = (gain: Gain, name: Name): Interval | undefined => (name === "overall" ? gain.overall : gain.strata[name]);

/** What ratings were worth: the gain of each memory by how many it learned from. */
export function Gains() {
  const { t } = useTranslation("candidates");
  const found = useGains();
  return (
    <Loaded query={found}>
      {({ gains }) => {
        const memories = gains.filter((one) => one.kind === "memory" && one.outcome !== "refused");
        return memories.length < 2 ? null : (
          <Panel title={t("gains")} tell={t("gainsTell")}>
            <div className={css.across} role="region" tabIndex={0} aria-label={t("gains")}><Curve gains={memories} /></div>
            <Group gap="md">{LINES.map((name) => <Group key={name} gap={6}><span className={css.dot} data-line={name} /><Text size="xs">{t(name === "overall" ? "all" : `stratum.${name}`)}</Text></Group>)}</Group>
          </Panel>
        );
      }}
    </Loaded>
  );
}

function Curve({ gains }: { gains: readonly Gain[] }) {
  const { t } = useTranslation("candidates");
  const drawn = LINES.map((name) => [name, gains.flatMap((gain) => {
    const found = ofLine(gain, name);
    return found?.questions ? [{ ratings: gain.ratings, mean: found.mean, found }] : [];
  })] as const);
  const far = farthest([...gains.map((one) => one.overall), ...drawn.flatMap(([, points]) => points.map(({ found, mean }) => ({ ...found, low: mean, high: mean })))]);
  const most = Math.max(...gains.map((one) => one.ratings), 1);
  const x = (ratings: number) => LEFT + ((WIDTH - LEFT - RIGHT) * ratings) / most;
  const y = (gain: number) => TOP + ((HEIGHT - TOP - BOTTOM) * (far - gain)) / (2 * far);
  return (
    <svg className={css.curve} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={gains.map((one) => t("gainAt", { ratings: counted(one.ratings), mean: signed(one.overall.mean) })).join("; ")}>
      {[far / 1.1, 0, -far / 1.1].map((value) => (
        <g key={value}>
          <line x1={LEFT} x2={WIDTH - RIGHT} y1={y(value)} y2={y(value)} stroke="var(--line)" />
          <text x={LEFT - 8} y={y(value) + 4} textAnchor="end">{signed(value)}</text>
        </g>
      ))}
      {gains.map((one) => (
        <g key={one.candidate}>
          <line x1={x(one.ratings)} x2={x(one.ratings)} y1={y(one.overall.low)} y2={y(one.overall.high)} stroke="var(--soft)" strokeWidth={2} />
          <text x={x(one.ratings)} y={HEIGHT - BOTTOM + 16} textAnchor={one.ratings === most ? "end" : "middle"}>{counted(one.ratings)}</text>
        </g>
      ))}
      <text x={WIDTH - RIGHT} y={HEIGHT - 4} textAnchor="end">{t("ratings")}</text>
      {drawn.map(([name, points]) => (
        <g key={name} data-line={name}>
          <polyline points={[`${LEFT},${y(0)}`, ...points.map((one) => `${x(one.ratings)},${y(one.mean)}`)].join(" ")} fill="none" />
          {points.map((one) => <circle key={one.ratings} cx={x(one.ratings)} cy={y(one.mean)} r={4} />)}
        </g>
      ))}
    </svg>
  );
}
