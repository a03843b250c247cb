import { describe, expect, it } from "vitest";
import { GYM } from "../../tests/gym.ts";
import {
  hasLeft,
  hasRevenue,
  levelAt,
  levelLabel,
  levelPlace,
  period,
  priceChange,
  revenueOf,
  setSchema,
} from "./schema.ts";

describe("a role", () => {
  it("names the key of a value", () => {
    setSchema(GYM);
    const member = { quit: true, fee_change: -4 };
    expect([hasLeft(member), priceChange(member)]).toEqual([true, -4]);
    expect(hasLeft({ ...member, quit: null })).toBeNull();
  });

  it("that is missing has no value, whatever the keys", () => {
    setSchema({ ...GYM, roles: { ...GYM.roles, outcome: null, recurring: null, recurring_change: null } });
    expect([hasLeft({ null: true }), priceChange({ null: 3 }), hasRevenue()]).toEqual([null, null, false]);
    expect(revenueOf({ monthly_revenue: 100, revenue_at_risk: 10 })).toBeUndefined();
  });
});

describe("a risk level", () => {
  it("has its place by its position, whatever its name", () => {
    setSchema(GYM);
    expect(GYM.risk.levels.map(({ name }) => levelPlace(name))).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect(levelLabel("lost")).toBe("Nearly lost");
  });

  it("begins at its own probability", () => {
    setSchema(GYM);
    expect([0, 0.19, 0.2, 0.899, 0.9, 1].map(levelAt)).toEqual([
      "calm",
      "calm",
      "watch",
      "alarm",
      "lost",
      "lost",
    ]);
  });

  it("that is the only one is the lowest", () => {
    setSchema({ ...GYM, risk: { ...GYM.risk, levels: GYM.risk.levels.slice(0, 1) } });
    expect(levelPlace("calm")).toBe(0);
  });
});

describe("the period of the recurring price", () => {
  it.each([
    ["{value} a week", "a week"],
    ["{value} per seat and month", "per seat and month"],
    ["fee: {value}", ""],
    [null, ""],
  ])("is taken from %s as %s", (words, expected) => {
    setSchema({
      ...GYM,
      fields: GYM.fields.map((field) => (field.name === "fee" ? { ...field, words } : field)),
    });
    expect(period()).toBe(expected);
  });
});
