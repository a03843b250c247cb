import { beforeEach, describe, expect, it } from "vitest";
import { GYM, MEMBER } from "../../tests/gym.ts";
import type { Field } from "../api/types.ts";
import { fieldNamed, setSchema } from "../state/schema.ts";
import {
  featureOrder,
  featureText,
  groups,
  isPossible,
  listText,
  sliderRange,
  summaryLine,
  textIn,
  unitText,
  wordsFor,
} from "./fields.ts";

beforeEach(() => setSchema(GYM));

const field = (name: string): Field => {
  const found = fieldNamed(name);
  if (!found) throw new Error(`There is no field ${name}.`);
  return found;
};

describe("the groups of fields", () => {
  it("begin with those that can be changed; the others keep the schema's order", () => {
    expect(groups().map(({ title }) => title)).toEqual(["Membership", "Member", "Health", "Trial"]);
  });
});

describe("a field", () => {
  it("is possible where all that it needs is there, however far away", () => {
    expect(isPossible(field("towels"), MEMBER)).toBe(true);
    expect(isPossible(field("towels"), { ...MEMBER, sauna: false })).toBe(false);
    expect(isPossible(field("towels"), { ...MEMBER, tier: "Basic" })).toBe(false);
  });

  it.each([
    ["tier", "Plus"],
    ["sauna", "Yes"],
    ["weeks", "1\u00a0week"],
    ["fee", "€40.00"],
    ["pulse", "not measured"],
  ])("%s reads as %s", (name, text) => {
    expect(textIn(field(name), MEMBER)).toBe(text);
  });

  it.each([
    ["tier", "Plus", "Plus"],
    ["fee", 40, "€40.00"],
    ["weeks", 1, "1\u00a0week"],
    ["sauna", true, "With sauna"],
  ])("%s says in a list what %s is of", (name, value, text) => {
    expect(listText(field(name), value)).toBe(text);
  });

  it("names itself in a list where its value is a bare number", () => {
    const visits: Field = { ...field("weeks"), label: "Visits", unit: null };
    expect(listText(visits, 4)).toBe("Visits 4");
    const rooms: Field = { ...field("tier"), label: "Rooms", values: [] };
    expect(listText(rooms, "3")).toBe("Rooms 3");
  });

  it("says why it cannot be had", () => {
    expect(textIn(field("sauna"), { ...MEMBER, tier: "Basic", sauna: false })).toBe("Not in this tier");
  });

  it("keeps a fraction and its unit", () => {
    expect(textIn(field("pulse"), { ...MEMBER, pulse: 61.25 })).toBe("61.25\u00a0beats");
  });

  it.each([
    ["tier", "Basic", "basic tier"],
    ["town", "Kiel", "Town: Kiel"],
    ["weeks", 12, "a member for 12 weeks"],
    ["weeks", 1, "a member for 1 week"],
    ["fee", -3, "\u2212€3.00 a week"],
    ["pulse", null, "Resting pulse: not measured"],
  ])("%s of %s is worded %s", (name, value, words) => {
    expect(wordsFor(field(name), value)).toBe(words);
  });

  it.each([
    ["sauna", "yes", "Yes"],
    ["sauna", "Not in this tier", "Not in this tier"],
    ["pulse", null, "not measured"],
    ["tier", "unknown", "unknown"],
    ["weeks", 1, "1\u00a0week"],
    ["nothing", "x", "x"],
  ])("%s of %s in an explanation reads as %s", (name, value, text) => {
    expect(featureText(name, value)).toBe(text);
  });

  it("has its values in the order of the schema, a missing one last", () => {
    expect(featureOrder("tier")).toEqual(["Basic", "Plus", "unknown"]);
    expect(featureOrder("sauna")).toEqual(["No", "Yes", "Not in this tier", "unknown"]);
  });

  it("has the currency or the plural of its unit beside its label", () => {
    expect([unitText(field("fee")), unitText(field("weeks")), unitText(field("tier"))]).toEqual([
      "€",
      "weeks",
      undefined,
    ]);
  });

  it("has a slider a little beyond its bins, if it has bins", () => {
    expect(sliderRange(field("weeks"))).toEqual([0, 60]);
    expect(sliderRange({ ...field("weeks"), most: 55 })).toEqual([0, 55]);
    expect(sliderRange(field("pulse"))).toBeUndefined();
    // A range of the whole world is none to drag in.
    expect(sliderRange({ ...field("pulse"), bins: [0, 50, 100], least: -1e15, most: 1e15 })).toEqual([
      -20, 120,
    ]);
  });
});

describe("a customer in one line", () => {
  it("has the fields of the directory in words, but no arm of an experiment", () => {
    expect(summaryLine(MEMBER)).toBe("Plus tier · a member for 1 week · €40.00 a week");
  });
});
