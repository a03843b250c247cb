import { describe, expect, it } from "vitest";
import { GYM } from "../tests/gym.ts";
import {
  activeAndLeft,
  currencySign,
  customers,
  date,
  eValue,
  follow,
  fraction,
  inSentence,
  money,
  percent,
  percentile,
  plural,
  points,
  pValue,
  ratioInterval,
  roundMoney,
  sentenceCase,
  signedMoney,
  withSign,
} from "./format.ts";

describe("numbers as people read them", () => {
  it("puts a no-break space between a number and its unit", () => {
    expect(percent(0.6431)).toBe("64\u00a0%");
    expect(percent(0.6431, 1)).toBe("64.3\u00a0%");
    expect(plural(12, "day")).toBe("12\u00a0days");
    expect(plural(1, "day")).toBe("1\u00a0day");
  });

  it("writes signs with U+2212 and none on what rounds to zero", () => {
    expect(withSign(0.676)).toBe("+0.68");
    expect(withSign(-0.12)).toBe("\u22120.12");
    expect(withSign(-0.004)).toBe("0.00");
    follow({ ...GYM, currency: "USD" });
    expect(signedMoney(-5)).toBe("\u2212$5.00");
    expect(signedMoney(0.001)).toBe("$0.00");
    expect(points(-0.031)).toBe("\u22123.1\u00a0pp");
  });

  it.each([
    ["USD", "$1,889.50", "$1,890", "$"],
    ["EUR", "€1,889.50", "€1,890", "€"],
    ["JPY", "¥1,890", "¥1,890", "¥"],
  ])("writes money in %s", (currency, exact, round, sign) => {
    follow({ ...GYM, currency });
    expect([money(1889.5), roundMoney(1889.5), currencySign()]).toEqual([exact, round, sign]);
  });

  it("keeps percentiles between the 1st and the 99th", () => {
    expect(percentile(0)).toBe("1st percentile");
    expect(percentile(11.9)).toBe("11th percentile");
    expect(percentile(93.1)).toBe("93rd percentile");
    expect(percentile(100)).toBe("99th percentile");
  });

  it("does not pretend that a p value is zero", () => {
    expect(pValue(0.00001)).toBe("<\u00a00.001");
    expect(pValue(0.0443)).toBe("0.044");
  });

  it("says which customers are counted", () => {
    follow(GYM);
    expect(customers(1, ["active"])).toBe("1\u00a0active customer");
    expect(customers(5188, ["active"])).toBe("5,188\u00a0active customers");
    expect(customers(2, ["left"])).toBe("2\u00a0customers who left");
    expect(customers(2, ["active", "left"])).toBe("2\u00a0customers, active and left");
  });

  it("tells nobody apart in a business without an outcome", () => {
    follow({ ...GYM, roles: { ...GYM.roles, outcome: null } });
    expect(customers(1, ["active"])).toBe("1\u00a0customer");
    expect(customers(2, ["active", "left"])).toBe("2\u00a0customers");
    expect(activeAndLeft()).toBe("");
  });

  it("does not spell out overwhelming evidence", () => {
    expect(eValue(2.2698)).toBe("2.27");
    expect(eValue(600.55)).toBe("601");
    expect(eValue(1e300)).toBe(">\u00a01,000,000");
  });

  it("says where nothing bounds a ratio", () => {
    expect(ratioInterval([0.78, 1.024])).toBe("0.78 to 1.02");
    expect(ratioInterval([9.066, null])).toBe("9.07 or more");
  });

  it("keeps what a small fraction says", () => {
    expect([12, 61.25, 0.004, -0.5].map(fraction)).toEqual(["12", "61.25", "0.004", "\u22120.5"]);
  });

  it("puts labels into sentences, abbreviations as they are", () => {
    expect(["Tenure", "MRR", "NPS score", "Streaming TV", "X"].map(inSentence)).toEqual([
      "tenure",
      "MRR",
      "NPS score",
      "streaming TV",
      "x",
    ]);
  });

  it("writes dates without regard to the time zone", () => {
    expect(["2026-11-22", "2024-02-29", "2025-09-01"].map(date)).toEqual([
      "22\u00a0Nov\u00a02026",
      "29\u00a0Feb\u00a02024",
      "1\u00a0Sep\u00a02025",
    ]);
  });

  it("turns names of the API into words", () => {
    expect(sentenceCase("at_risk")).toBe("At risk");
  });
});
