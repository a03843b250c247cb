/**
 * The success rate of a call: of the churners who are called, the share who stay.
 *
 * An experiment measures the effect on everybody. Among the riskiest it is another share, because few of those who are
 * nearly sure to leave are moved. So the effect is taken as one shift of the log-odds of leaving, the shift that changes the
 * churn rate of all customers by as much as was measured, and is applied to the customers who are called.
 */
import type { Evaluation } from "../../api/types.ts";

/** Customers between two neighbouring cut-offs. */
interface Band {
  readonly percentile: number;
  readonly customers: number;
  readonly churners: number;
}

function bands({ by_cutoff }: Pick<Evaluation, "by_cutoff">): Band[] {
  const ascending = [...by_cutoff].sort((one, other) => one.percentile - other.percentile);
  return ascending.map((at, index) => {
    const next = ascending[index + 1];
    const churners = at.true_positives - (next?.true_positives ?? 0);
    const others = at.false_positives - (next?.false_positives ?? 0);
    return { percentile: at.percentile, customers: churners + others, churners };
  });
}

/** How many more of a band leave when their log-odds of leaving are shifted. */
function change({ customers, churners }: Band, shift: number): number {
  if (churners === 0 || churners === customers) return 0;
  const odds = (churners / (customers - churners)) * Math.exp(shift);
  return (customers * odds) / (1 + odds) - churners;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** No effect is as large as this many log-odds. */
const WIDEST_SHIFT = 30;
const HALVINGS = 60;

/** The shift of the log-odds that changes the churn rate of all bands together by `effect`, found by halving. */
function shiftOf(all: readonly Band[], effect: number): number {
  const wanted = effect * sum(all.map(({ customers }) => customers));
  let [low, high] = [-WIDEST_SHIFT, WIDEST_SHIFT];
  for (let halving = 0; halving < HALVINGS; halving += 1) {
    const middle = (low + high) / 2;
    if (sum(all.map((band) => change(band, middle))) < wanted) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * Of the churners whom the cut-off at a percentile catches, the share who stay when the churn rate of everybody changes by
 * `effect`: a difference of shares, below 0 where the treatment helps. Undefined where the cut-off catches nobody.
 */
export function successRate(
  evaluation: Pick<Evaluation, "by_cutoff">,
  percentile: number,
  effect: number,
): number | undefined {
  const all = bands(evaluation);
  const called = all.filter((band) => band.percentile >= percentile);
  const churners = sum(called.map((band) => band.churners));
  if (churners === 0) return undefined;
  const shift = shiftOf(all, effect);
  return -sum(called.map((band) => change(band, shift))) / churners;
}
