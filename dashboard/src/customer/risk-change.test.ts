import { beforeEach, describe, expect, it } from "vitest";
import { GYM } from "../../tests/gym.ts";
import { setSchema } from "../state/schema.ts";
import { changeText, direction, movementText, riskChangeOf, riskChangeText } from "./risk-change.ts";

const SINCE = "since 22\u00a0Nov\u00a02026";

beforeEach(() =>
  setSchema({
    ...GYM,
    previous: { as_of: "2026-11-22" },
    filters: [
      ...GYM.filters,
      {
        kind: "values",
        parameter: "moved",
        label: "Since the previous data",
        values: [{ value: "up", label: "Risk level rose" }],
      },
    ],
  }),
);

describe("a change of the probability", () => {
  it.each([
    [0.082, "up", "Up 8.2 points"],
    [-0.4, "down", "Down 40.0 points"],
    [0.0005, "up", "Up 0.1 points"],
    [0.0004, null, "Changed by less than 0.1 points"],
    [-0.0004, null, "Changed by less than 0.1 points"],
    [0, null, "Unchanged"],
    [null, null, "New"],
  ])("of %s has the direction %s, and reads %s", (change, towards, text) => {
    expect(direction(change)).toBe(towards);
    expect(changeText(change)).toBe(`${text} ${SINCE}`);
  });

  it("has no date in a schema without previous data", () => {
    setSchema(GYM);
    expect([changeText(0.082), changeText(0), changeText(null)]).toEqual([
      "Up 8.2 points",
      "Unchanged",
      "New",
    ]);
  });

  it("has the words of the schema for a risk level that moved, and none for one that did not", () => {
    expect(movementText(0.082, "up")).toBe(`Up 8.2 points ${SINCE}; risk level rose`);
    expect(movementText(0.082, null)).toBe(`Up 8.2 points ${SINCE}`);
    expect(movementText(null, "new")).toBe(`New ${SINCE}`);
  });
});

describe("what changed about a customer's risk", () => {
  const risk = { model_changed: false };

  it("has the risk levels before and now where they differ", () => {
    expect(riskChangeText(0.45, { ...risk, change: 0.1, moved: "up" })).toBe(
      `Up 10.0 points ${SINCE} (Watch to Worry)`,
    );
    expect(riskChangeText(0.1, { ...risk, change: -0.85, moved: "down" })).toBe(
      `Down 85.0 points ${SINCE} (Nearly lost to Calm)`,
    );
    expect(riskChangeText(0.45, { ...risk, change: 0.01, moved: null })).toBe(`Up 1.0 points ${SINCE}`);
    expect(riskChangeText(0.45, { ...risk, change: null, moved: "new" })).toBe(`New ${SINCE}`);
  });

  it("begins at the level of a former probability that is where the level begins", () => {
    // 0.95 - 0.55 is a little less than 0.4.
    expect(0.95 - 0.55).toBeLessThan(0.4);
    expect(riskChangeText(0.95, { ...risk, change: 0.55, moved: "up" })).toContain("(Worry to Nearly lost)");
  });

  it("is nothing where an answer does not say it", () => {
    expect(riskChangeOf({})).toBeUndefined();
    const change = { change: null, moved: "new", model_changed: true } as const;
    expect(riskChangeOf({ ...change })).toEqual(change);
  });
});
