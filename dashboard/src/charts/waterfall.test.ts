import { describe, expect, it } from "vitest";
import { steps } from "./waterfall.ts";

const contribution = (index: number, value: number) => ({
  feature: `f${index}`,
  label: `Feature ${index}`,
  value: "yes",
  contribution: value,
});

describe("the steps of a waterfall", () => {
  it("lead without a gap from the base value at the bottom to the prediction at the top", () => {
    const contributions = [0.9, -0.5, 0.25].map((value, index) => contribution(index, value));
    const rows = steps(-1, contributions);
    expect(rows.map((row) => row.feature)).toEqual(["f0", "f1", "f2"]);
    expect(rows.at(-1)?.from).toBe(-1);
    expect(rows[0]?.to).toBeCloseTo(-0.35, 12);
    expect(rows[0]?.from).toBe(rows[1]?.to);
    expect(rows[1]?.from).toBe(rows[2]?.to);
  });

  it("keep nine features and add up the others when there are more than ten", () => {
    const contributions = Array.from({ length: 19 }, (_, index) => contribution(index, (19 - index) / 10));
    const rows = steps(0, contributions);
    expect(rows).toHaveLength(10);
    expect(rows[9]).toMatchObject({ feature: null, label: "10 other features", value: null });
    expect(rows[9]?.contribution).toBeCloseTo(5.5, 12);
    expect(rows[0]?.to).toBeCloseTo(19, 12);
  });

  it("show exactly ten features as they are", () => {
    const contributions = Array.from({ length: 10 }, (_, index) => contribution(index, 0.1));
    expect(steps(0, contributions).every((row) => row.feature !== null)).toBe(true);
  });
});
