import type { RiskLevel } from "../api/types.ts";
import { percent, sentenceCase } from "../format.ts";

/** The risk level in words, with its colour. */
export const RiskTag = ({ level }: { level: RiskLevel }) => (
  <span class={`tag risk risk-${level}`}>{sentenceCase(level)} risk</span>
);

/** A probability as the length of a quiet bar; the number stands beside it. */
export const RiskBar = ({ probability, level }: { probability: number; level: RiskLevel }) => (
  <span class={`bar risk-${level}`} aria-hidden="true">
    <span style={{ width: `${probability * 100}%` }} />
  </span>
);

/** A probability on a scale from 0 to 1, with a mark where the average customer stands. */
export function RiskScale({
  probability,
  level,
  baseRate,
}: {
  probability: number;
  level: RiskLevel;
  baseRate: number;
}) {
  return (
    <div
      class={`scale risk-${level}`}
      role="img"
      aria-label={`The average customer is at ${percent(baseRate)}`}
    >
      <span style={{ width: `${probability * 100}%` }} />
      <i style={{ left: `${baseRate * 100}%` }} title={`Average customer: ${percent(baseRate)}`} />
    </div>
  );
}
