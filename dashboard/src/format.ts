/**
 * How numbers are written. One place, so that the same quantity looks the same on every page:
 * `64 %`, `$29.85`, `12 days`, `−0.12` with a true minus sign.
 */
import type { Schema } from "./api/types.ts";

const NO_BREAK_SPACE = "\u00a0";
const MINUS = "\u2212";

/** Amounts of money with and without their smaller unit; without a currency until it is known. */
let amounts = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
let wholeAmounts = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** Whether customers who left are told from those who are still there. */
let tellsWhoLeft = true;

/** Writes money and customers as a business does: in its currency, and with a status where it has an outcome. */
export function follow({ currency, roles }: Pick<Schema, "currency" | "roles">): void {
  amounts = new Intl.NumberFormat("en-US", { style: "currency", currency });
  wholeAmounts = new Intl.NumberFormat("en-US", { style: "currency", currency, maximumFractionDigits: 0 });
  tellsWhoLeft = roles.outcome !== null;
}

/** What is added to customers of both statuses: who they are; nothing where the business does not tell them apart. */
export const activeAndLeft = (separator = ", "): string =>
  tellsWhoLeft ? `${separator}active and left` : "";

/** The sign of the currency, such as `$`. */
export const currencySign = (): string =>
  amounts.formatToParts(0).find(({ type }) => type === "currency")?.value ?? "";

/** A number with at most `digits` decimals and thousands separators. */
export function decimal(value: number, digits = 0): string {
  return value
    .toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })
    .replace("-", MINUS);
}

/** A count of things, with thousands separators. */
export const count = (value: number): string => decimal(value, 0);

/** A number that may have a fraction: two decimals, or three digits where it is small. */
export function fraction(value: number): string {
  if (Number.isInteger(value)) return count(value);
  if (Math.abs(value) >= 1) return decimal(value, 2);
  return value.toLocaleString("en-US", { maximumSignificantDigits: 3 }).replace("-", MINUS);
}

/** A share of 0..1 as a percentage. */
export function percent(share: number, digits = 0): string {
  return `${decimal(share * 100, digits)}${NO_BREAK_SPACE}%`;
}

/** A difference of two shares in percentage points, always with its sign. */
export function points(difference: number, digits = 1): string {
  return `${withSign(difference * 100, digits)}${NO_BREAK_SPACE}pp`;
}

/** A number that always carries its sign; what rounds to zero carries none. */
export function withSign(value: number, digits = 2): string {
  const text = decimal(Math.abs(value), digits);
  if (Number(text.replaceAll(",", "")) === 0) return text;
  return `${value < 0 ? MINUS : "+"}${text}`;
}

/** Money to its smaller unit. */
export function money(value: number): string {
  return amounts.format(value).replace("-", MINUS);
}

/** Money without its smaller unit, for sums over many customers. */
export function roundMoney(value: number): string {
  return wholeAmounts.format(value).replace("-", MINUS);
}

/** Money to its smaller unit, always with its sign. */
export function signedMoney(value: number): string {
  const text = amounts.format(Math.abs(value));
  if (text === amounts.format(0)) return text;
  return `${value < 0 ? MINUS : "+"}${text}`;
}

/** A number with its unit, in the singular where it is one. */
export function plural(value: number, unit: string, units = `${unit}s`): string {
  return `${count(value)}${NO_BREAK_SPACE}${value === 1 ? unit : units}`;
}

const months = new Intl.DateTimeFormat("en-US", { month: "short", timeZone: "UTC" });

/** A date of the API, such as `2026-11-22`, as `22 Nov 2026`. */
export function date(text: string): string {
  const day = new Date(text);
  return [day.getUTCDate(), months.format(day), day.getUTCFullYear()].join(NO_BREAK_SPACE);
}

/** A count of customers with the statuses that it covers. */
export function customers(value: number, statuses: readonly string[]): string {
  const noun = value === 1 ? "customer" : "customers";
  if (!tellsWhoLeft || statuses.length !== 1)
    return `${count(value)}${NO_BREAK_SPACE}${noun}${activeAndLeft()}`;
  return statuses[0] === "left"
    ? `${count(value)}${NO_BREAK_SPACE}${noun} who left`
    : `${count(value)}${NO_BREAK_SPACE}active ${noun}`;
}

/** `high` as `High`, `at_risk` as `At risk`. */
export function sentenceCase(name: string): string {
  const words = name.replaceAll("_", " ").replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A label within a sentence: `Tenure` as `tenure`, but `VIP` as it is. */
export const inSentence = (label: string): string =>
  /^\p{Lu}(?!\p{Lu}|\p{N})/u.test(label) ? label.charAt(0).toLowerCase() + label.slice(1) : label;

/** A percentile of 0..100 as an ordinal: `93rd percentile`; never the 0th or the 100th. */
export function percentile(value: number): string {
  const rank = Math.min(99, Math.max(1, Math.floor(value)));
  const rest = rank % 100;
  const ending = rest >= 11 && rest <= 13 ? "th" : (["th", "st", "nd", "rd"][rank % 10] ?? "th");
  return `${rank}${ending} percentile`;
}

/** A p value: three digits, or `< 0.001`. */
export function pValue(value: number): string {
  return value < 0.001 ? "<\u00a00.001" : decimal(value, 3);
}

/** Evidence as an e-value: two digits, or `> 1,000,000`. */
export function eValue(value: number): string {
  return value >= 1e6 ? `>\u00a0${count(1e6)}` : decimal(value, value >= 100 ? 0 : 2);
}

/** An interval of a ratio, whose upper end is null where it has no bound. */
export function ratioInterval([low, high]: readonly (number | null)[]): string {
  const lower = decimal(low ?? 0, 2);
  return high == null ? `${lower} or more` : `${lower} to ${decimal(high, 2)}`;
}
