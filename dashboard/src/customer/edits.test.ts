import { describe, expect, it } from "vitest";
import type { PriceList, Profile } from "../api/types.ts";
import { changing, differences, edited, editsFrom, paramsWith } from "./edits.ts";

const ACTUAL: Profile = {
  gender: "Female",
  senior_citizen: false,
  partner: true,
  dependents: false,
  tenure_months: 10,
  phone_service: true,
  multiple_lines: true,
  internet_service: "Fiber optic",
  online_security: false,
  online_backup: true,
  device_protection: false,
  tech_support: false,
  streaming_tv: true,
  streaming_movies: false,
  contract: "Month-to-month",
  paperless_billing: true,
  payment_method: "Electronic check",
  monthly_charges: 90,
  total_charges: 890,
};

const PRICES: PriceList = {
  phone_service: 20,
  multiple_lines: 5,
  internet_service: { DSL: 25, "Fiber optic": 50 },
  online_security: 5,
  online_backup: 5,
  device_protection: 5,
  tech_support: 5,
  streaming_tv: 10,
  streaming_movies: 10,
  r_squared: 1,
  rmse: 0,
};

describe("edits in the address", () => {
  it("come back as they were written, beside other parameters", () => {
    const edits = {
      contract: "One year",
      tech_support: true,
      tenure_months: 0,
      total_charges: null,
    } as const;
    const params = paramsWith({ stage: ["mature"], "edit.gender": ["Male"] }, edits);
    expect(params.stage).toEqual(["mature"]);
    expect(editsFrom(params)).toEqual(edits);
  });

  it("are left out where they fit no field", () => {
    const params = {
      "edit.contract": ["Forever"],
      "edit.tenure_months": ["-1"],
      "edit.monthly_charges": [""],
      "edit.partner": ["maybe"],
      "edit.unknown": ["1"],
    };
    expect(editsFrom(params)).toEqual({});
  });

  it("that change nothing are dropped", () => {
    expect(changing(ACTUAL, { contract: "Month-to-month", tech_support: true })).toEqual({
      tech_support: true,
    });
  });
});

describe("an edited profile", () => {
  it("is the actual one when nothing is edited", () => {
    expect(edited(ACTUAL, {}, PRICES)).toEqual(ACTUAL);
  });

  it("is priced anew when a service is added: the total moves by the tenure times the difference", () => {
    const plan = edited(ACTUAL, { tech_support: true }, PRICES);
    expect(plan.monthly_charges).toBe(95);
    expect(plan.total_charges).toBe(940);
    expect([...differences(ACTUAL, plan)].sort()).toEqual([
      "monthly_charges",
      "tech_support",
      "total_charges",
    ]);
  });

  it("loses its add-ons with the internet, and the second line with the phone", () => {
    const plan = edited(ACTUAL, { internet_service: "No", phone_service: false }, PRICES);
    expect([plan.online_backup, plan.streaming_tv, plan.multiple_lines]).toEqual([false, false, false]);
    expect(plan.monthly_charges).toBe(0);
    expect(plan.total_charges).toBe(0);
  });

  it("keeps charges that were edited themselves", () => {
    const plan = edited(ACTUAL, { tech_support: true, monthly_charges: 92, total_charges: 900 }, PRICES);
    expect([plan.monthly_charges, plan.total_charges]).toEqual([92, 900]);
  });

  it("has a total that follows the tenure, and none for a new customer", () => {
    expect(edited(ACTUAL, { tenure_months: 12 }, PRICES).total_charges).toBe(1070);
    expect(edited(ACTUAL, { tenure_months: 0 }, PRICES).total_charges).toBeNull();
    const newcomer = { ...ACTUAL, tenure_months: 0, total_charges: null };
    expect(edited(newcomer, { tenure_months: 2 }, PRICES).total_charges).toBe(180);
  });
});
