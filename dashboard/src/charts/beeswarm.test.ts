import { describe, expect, it } from "vitest";
import { nameLevels, numberLevels } from "./beeswarm.ts";

describe("the colour of a value", () => {
  it("goes by the order of the schema, and is none where the value is missing", () => {
    const order = ["small", "large", "huge", "unknown"];
    expect(nameLevels(["huge", "small", "large", "unknown"], order)).toEqual([1, 0, 0.5, null]);
    // Values that nobody has take up no colour.
    expect(nameLevels(["huge", "small"], order)).toEqual([1, 0]);
  });

  it("goes by size for a number", () => {
    expect(numberLevels([0, 10, null, 5])).toEqual([0, 1, null, 0.5]);
  });
});
