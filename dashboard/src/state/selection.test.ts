import { beforeEach, describe, expect, it, vi } from "vitest";
import { GYM } from "../../tests/gym.ts";
import { sorts } from "./directory.ts";
import { setSchema } from "./schema.ts";
import { asFilters, conditions, furtherFilters, selection, toggleBin, usualFilters } from "./selection.ts";
import { followAddress, view } from "./view.ts";

beforeEach(() => {
  setSchema(GYM);
  vi.stubGlobal("location", { hash: "" });
  vi.stubGlobal("addEventListener", () => undefined);
  vi.stubGlobal("history", {
    pushState: (_state: unknown, _title: string, address: string) =>
      vi.stubGlobal("location", { hash: address }),
  });
});

function open(address: string) {
  vi.stubGlobal("location", { hash: address });
  followAddress();
}

describe("the selection", () => {
  it("is every filter that the schema has, and no other parameter", () => {
    open("#/analytics?status=left&sauna=true&weeks_min=10&fee_below=20&shoes=1&sort=fee");
    expect(selection()).toEqual({ status: ["left"], sauna: ["true"], weeks_min: ["10"], fee_below: ["20"] });
  });

  it("reads in the schema's labels, values, units and currency", () => {
    open("#/analytics?sauna=true&weeks_min=10&weeks_max=49&fee_below=20");
    expect(conditions().map(({ text }) => text)).toEqual([
      "Sauna: Yes",
      "Weeks: from 10\u00a0weeks up to 49\u00a0weeks",
      "Fee: below €20.00",
    ]);
    expect(conditions()[1]?.without).toEqual({ weeks_min: [], weeks_max: [] });
  });

  it("has numbers and truth values in the body of a request", () => {
    open("#/analytics?status=left&sauna=true&sauna=false&fee_min=-5");
    expect(asFilters(selection())).toEqual({ status: ["left"], sauna: [true, false], fee_min: -5 });
  });

  it("gains and loses the filter of a bin", () => {
    open("#/analytics?weeks_min=0&weeks_max=9&sauna=true");
    toggleBin({ weeks_min: 50 });
    expect(view.value.params).toEqual({ weeks_min: ["50"], sauna: ["true"] });
    toggleBin({ sauna: "false" });
    expect(view.value.params.sauna).toEqual(["true", "false"]);
    toggleBin({ weeks_min: 50 });
    expect(view.value.params).toEqual({ sauna: ["true", "false"] });
  });
});

describe("the filters of the directory", () => {
  it("offer what the schema has", () => {
    expect(usualFilters().map(({ parameter }) => parameter)).toEqual(["status"]);
    expect(furtherFilters().map(({ label }) => label)).toEqual(["Sauna", "Weeks", "Fee"]);
  });
});

describe("the sorts of the directory", () => {
  it("are named by their roles and labels", () => {
    expect(Object.fromEntries(sorts().map(({ key, label }) => [key, label]))).toEqual({
      "-probability": "Highest risk",
      probability: "Lowest risk",
      "-weeks": "Longest with us",
      weeks: "Newest",
      "-fee": "Highest fee",
      fee: "Lowest fee",
      customer_id: "Customer id",
      "-quit": "Left first",
      quit: "Active first",
      "-tier": "Tier, reversed",
      tier: "Tier",
    });
  });
});
