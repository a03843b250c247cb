import { describe, expect, it } from "vitest";
import { GYM } from "../../tests/gym.ts";
import { possible } from "./possible.ts";

/** Without Plus and its sauna, and without a filter by fee. */
const SMALLER = {
  ...GYM,
  sorts: ["probability", "weeks"],
  filters: GYM.filters
    .filter((filter) => filter.kind !== "range" || filter.field !== "fee")
    .map((filter) =>
      filter.kind === "values" && filter.parameter === "sauna"
        ? { ...filter, values: filter.values.slice(0, 1) }
        : filter,
    ),
  fields: GYM.fields.filter(({ name }) => name !== "towels"),
};

describe("a view under another schema", () => {
  it("loses the filters, values, order and edits that there are no more, and nothing else", () => {
    const params = {
      status: ["left"],
      sauna: ["false", "true"],
      weeks_min: ["10"],
      fee_min: ["20"],
      sort: ["-fee"],
      "edit.towels": ["true"],
      "edit.weeks": ["3"],
      "calc.a_users": ["7"],
      unheard_of: ["x"],
    };
    expect(possible(params, GYM, SMALLER)).toEqual({
      status: ["left"],
      sauna: ["false"],
      fee_min: [],
      sort: [],
      "edit.towels": [],
    });
  });

  it("stays as it is under the same", () => {
    expect(possible({ weeks_max: ["3"], sort: ["weeks"] }, GYM, GYM)).toEqual({});
  });
});
