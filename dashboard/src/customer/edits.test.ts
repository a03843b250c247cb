import { beforeEach, describe, expect, it } from "vitest";
import { GYM, MEMBER } from "../../tests/gym.ts";
import { setSchema } from "../state/schema.ts";
import { changing, differences, editsFrom, paramsWith } from "./edits.ts";

beforeEach(() => setSchema(GYM));

describe("edits in the address", () => {
  it("come back as they were written, beside other parameters", () => {
    const edits = { tier: "Basic", sauna: false, weeks: 0, pulse: null, coach: null } as const;
    const params = paramsWith({ stage: ["mature"], "edit.town": ["Kiel"] }, edits);
    expect(params.stage).toEqual(["mature"]);
    expect(editsFrom(params)).toEqual(edits);
  });

  it.each([
    ["a choice that is none", "tier", "Gold"],
    ["a number that is none", "fee", "cheap"],
    ["a number beneath its least", "fee", "-100.5"],
    ["a number above its most", "weeks", "1001"],
    ["half a whole", "weeks", "1.5"],
    ["a required value that is missing", "fee", ""],
    ["a flag that is neither", "sauna", "maybe"],
    ["an unknown field", "shoes", "1"],
  ])("leave out %s", (_, name, text) => {
    expect(editsFrom({ [`edit.${name}`]: [text] })).toEqual({});
  });

  it("take money below zero where the schema allows it", () => {
    expect(editsFrom({ "edit.fee": ["-12.5"] })).toEqual({ fee: -12.5 });
  });
});

describe("the edits that are asked about", () => {
  it("are those that change a value", () => {
    expect(changing(MEMBER, { tier: "Plus", town: "Kiel", pulse: null })).toEqual({ town: "Kiel" });
  });

  it("leave out what cannot be had, through a chain of needs", () => {
    const without = { ...MEMBER, tier: "Basic", sauna: false, towels: false };
    expect(changing(without, { sauna: true, towels: true })).toEqual({});
    expect(changing(without, { tier: "Plus", sauna: true, towels: true })).toEqual({
      tier: "Plus",
      sauna: true,
      towels: true,
    });
  });
});

describe("two profiles", () => {
  it("differ in the fields whose values do, a missing one being unknown", () => {
    const { pulse: _, ...unmeasured } = MEMBER;
    expect([...differences(MEMBER, { ...unmeasured, fee: 30 })]).toEqual(["fee"]);
  });
});
