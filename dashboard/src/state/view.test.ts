import { describe, expect, it } from "vitest";
import { formatView, parseView, withParams } from "./view.ts";

describe("a view in the address", () => {
  it("comes back as it was written", () => {
    const view = {
      place: "customers",
      customer: "1234-ABCDE",
      params: {
        tier: ["Basic", "Plus one"],
        "edit.paid_by": ["Card (by itself)"],
        q: ["a&b=c"],
      },
    } as const;
    expect(parseView(formatView(view))).toEqual(view);
  });

  it("opens the first place for an unknown or broken address", () => {
    expect(parseView("").place).toBe("customers");
    expect(parseView("#/nowhere/x?a=1")).toEqual({ place: "customers", customer: "x", params: { a: ["1"] } });
    expect(parseView("#/customers/%E0%A4%A").customer).toBe("%E0%A4%A");
  });

  it("drops a parameter that has no value left", () => {
    expect(withParams({ stage: ["mature"], q: ["12"] }, { q: [] })).toEqual({ stage: ["mature"] });
  });
});
