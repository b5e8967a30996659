import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { counted } from "@/app/lasting";
import css from "./candidates.module.css";
import { farthest } from "./report";
import { differs } from "./trial";

const WIDTH = 640, HEIGHT = 200, LEFT = 64, RIGHT = 16, TOP = 12, BOTTOM = 40;

/** What was known after so many ratings: the difference in useful answers, and where it surely is. */
export function Path({ points }: { points: readonly Schemas["TrialPoint"][] }) {
  const { t } = useTranslation("candidates");
  const far = farthest(points.map((one) => ({ ...one, questions: 0, p: 1 })));
  const most = points.at(-1)?.ratings ?? 1;
  const x = (ratings: number) => LEFT + ((WIDTH - LEFT - RIGHT) * ratings) / most;
  const y = (gain: number) => TOP + ((HEIGHT - TOP - BOTTOM) * (far - gain)) / (2 * far);
  const line = (of: (one: Schemas["TrialPoint"]) => number, some = points) => some.map((one) => `${x(one.ratings)},${y(of(one))}`);
  const last = points.at(-1);
  return (
    <svg className={css.curve} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={last ? t("pathAt", { ratings: counted(last.ratings), interval: t("interval", { mean: differs(last.mean), low: differs(last.low), high: differs(last.high) }) }) : t("path")}>
      <polygon className={css.band} points={[...line((one) => one.high), ...line((one) => one.low, points.toReversed())].join(" ")} />
      {[far / 1.1, 0, -far / 1.1].map((value) => (
        <g key={value}>
          <line x1={LEFT} x2={WIDTH - RIGHT} y1={y(value)} y2={y(value)} stroke={value ? "var(--line)" : "var(--soft)"} />
          <text x={LEFT - 8} y={y(value) + 4} textAnchor="end">{differs(value)}</text>
        </g>
      ))}
      <polyline className={css.known} points={line((one) => one.mean).join(" ")} fill="none" />
      {[points[0], last].map((one, n) => (one && (n || one !== last) ? <text key={n} x={x(one.ratings)} y={HEIGHT - BOTTOM + 16} textAnchor={n ? "end" : "middle"}>{counted(one.ratings)}</text> : null))}
      <text x={WIDTH - RIGHT} y={HEIGHT - 6} textAnchor="end">{t("ratingsGiven")}</text>
    </svg>
  );
}
