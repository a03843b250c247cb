import { describe, expect, it } from "vitest";
import { successRate } from "./success.ts";

/** Three groups of 100 customers, of whom 10, 40 and 90 leave. */
const EVALUATION = {
  by_cutoff: [
    {
      percentile: 0,
      cutoff: 0.05,
      true_positives: 140,
      false_positives: 160,
      true_negatives: 0,
      false_negatives: 0,
    },
    {
      percentile: 33,
      cutoff: 0.2,
      true_positives: 130,
      false_positives: 70,
      true_negatives: 90,
      false_negatives: 10,
    },
    {
      percentile: 67,
      cutoff: 0.7,
      true_positives: 90,
      false_positives: 10,
      true_negatives: 150,
      false_negatives: 50,
    },
  ],
};

describe("the success rate of a call", () => {
  it("is the effect over the churn rate where everybody is called", () => {
    // 140 of 300 leave; 5 points fewer are 15 of the 140.
    expect(successRate(EVALUATION, 0, -0.05)).toBeCloseTo(15 / 140, 10);
    expect(successRate(EVALUATION, 0, 0)).toBeCloseTo(0, 10);
    expect(successRate(EVALUATION, 0, 0.05)).toBeCloseTo(-15 / 140, 10);
  });

  it("falls towards those who are nearly sure to leave", () => {
    const [all, some, few] = [0, 33, 67].map((percentile) => successRate(EVALUATION, percentile, -0.05));
    expect(all).toBeGreaterThan(some ?? Number.NaN);
    expect(some).toBeGreaterThan(few ?? Number.NaN);
    expect(few).toBeGreaterThan(0);
  });

  it("is one shift of the log-odds in every group", () => {
    // Shifted by −0.5: 100 σ(ln(10/90) − 0.5) and so on, reckoned apart from the code.
    const left = [10, 40, 90].map((churners) => {
      const odds = (churners / (100 - churners)) * Math.exp(-0.5);
      return (100 * odds) / (1 + odds);
    });
    const effect = (left.reduce((sum, one) => sum + one) - 140) / 300;
    expect(successRate(EVALUATION, 67, effect)).toBeCloseTo((90 - (left[2] ?? 0)) / 90, 8);
    expect(successRate(EVALUATION, 33, effect)).toBeCloseTo((130 - (left[1] ?? 0) - (left[2] ?? 0)) / 130, 8);
  });

  it("is unknown where nobody who leaves is called", () => {
    expect(successRate(EVALUATION, 90, -0.05)).toBeUndefined();
  });
});
