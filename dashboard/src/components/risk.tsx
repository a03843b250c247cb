import { percent } from "../format.ts";
import { levelLabel, levelPlace } from "../state/schema.ts";

/** The colour of a risk level, by its place on the scale whose ends and middle the tokens name. */
function colour(level: string): { "--risk": string } {
  const place = levelPlace(level);
  const [from, to, share] = place < 0.5 ? ["least", "middle", 2 * place] : ["middle", "most", 2 * place - 1];
  return { "--risk": `color-mix(in oklab, var(--risk-${to}) ${100 * Number(share)}%, var(--risk-${from}))` };
}

/** A risk level in words: `High risk`, but `At risk` as it is. */
export const levelText = (level: string): string => {
  const label = levelLabel(level);
  return /\brisk\b/i.test(label) ? label : `${label} risk`;
};

/** The risk level in words, with its colour. */
export const RiskTag = ({ level }: { level: string }) => (
  <span class="tag risk" style={colour(level)}>
    {levelText(level)}
  </span>
);

/** A probability as the length of a quiet bar; the number stands beside it. */
export const RiskBar = ({ probability, level }: { probability: number; level: string }) => (
  <span class="bar" style={colour(level)} aria-hidden="true">
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
  level: string;
  baseRate: number;
}) {
  return (
    <div
      class="scale"
      style={colour(level)}
      role="img"
      aria-label={`The average customer is at ${percent(baseRate)}`}
    >
      <span style={{ width: `${probability * 100}%` }} />
      <i style={{ left: `${baseRate * 100}%` }} title={`Average customer: ${percent(baseRate)}`} />
    </div>
  );
}
