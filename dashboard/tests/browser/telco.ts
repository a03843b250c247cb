/** What these tests know of the business that the server under test serves. */
import type { Customer as AnyCustomer } from "../../src/api/types.ts";

export type { DirectoryPage } from "../../src/api/types.ts";

export type Profile = AnyCustomer["profile"] & {
  readonly contract: string;
  readonly payment_method: string;
  readonly tenure_months: number;
  readonly monthly_charges: number;
  readonly tech_support: boolean;
};

export type Customer = AnyCustomer & {
  readonly churned: boolean;
  readonly persona: NonNullable<AnyCustomer["persona"]>;
  readonly profile: Profile;
};
