/** What the API asks about a file: readings that are plausible and not certain, in the words of a person. */
import type { Fault } from "../api/client.ts";
import { fieldNamed } from "../state/schema.ts";

/** A reading that the person may confirm. */
export interface Reading {
  /** The pair as the API printed it. */
  readonly pair: string;
  readonly words: string;
}

/** Something that the API can't decide about a file. */
export interface Question {
  /** The column; null where it is about the file as a whole. */
  readonly column: string | null;
  /** What was found. */
  readonly evidence: string;
  readonly readings: readonly Reading[];
}

const ASKS = "; confirm with read=";

/** The question in a fault; undefined where it asks none. */
export function questionIn({ pointer, detail }: Fault): Question | undefined {
  const end = detail.indexOf(ASKS);
  if (end < 0) return undefined;
  const pairs = detail.slice(end + ASKS.length).split(" or read=");
  const column = pointer.slice(1).replaceAll("~1", "/").replaceAll("~0", "~");
  return {
    column: column === "" ? null : column,
    evidence: detail.slice(0, end),
    readings: pairs.map((pair) => ({ pair, words: wordsOf(pair) })),
  };
}

/** What each reading of a file as a whole means. */
const WORDS: Readonly<Record<string, string>> = {
  "decimal:comma": "1.234 is one thousand two hundred thirty-four: decimals follow a comma",
  "decimal:point": "1.234 is a little more than one: decimals follow a point",
  "delimiter:comma": "Columns are separated by commas",
  "delimiter:semicolon": "Columns are separated by semicolons",
  "delimiter:tab": "Columns are separated by tabs",
  "delimiter:pipe": "Columns are separated by pipes",
  "encoding:windows-1252": "Letters are written as Windows-1252",
  "orient:columns": "The members are columns",
  "orient:index": "The members are rows",
};

function wordsOf(pair: string): string {
  const known = WORDS[pair];
  if (known !== undefined) return known;
  const [column, value] = keyAndValue(pair);
  if (value === "other") return `${column} is something else`;
  if (!value.includes("=")) return `${column} is ${fieldNamed(value)?.label ?? value}`;
  return value
    .split("|")
    .map((one) => {
      const at = one.lastIndexOf("=");
      const meant = one.slice(at + 1) === "missing" ? "not known" : one.slice(at + 1);
      const text = one.slice(0, at);
      return text === "none" ? `a row without a yes is ${meant}` : `${text} is ${meant}`;
    })
    .join(", ");
}

/** The two parts of a pair, in which a backslash is before each comma, colon and backslash that does not separate. */
function keyAndValue(pair: string): [string, string] {
  const [key = "", ...value] = pair.match(/(?:\\.|[^\\:])+/gs) ?? [];
  const plain = (text: string) => text.replaceAll(/\\(.)/gs, "$1");
  return [plain(key), plain(value.join(":"))];
}
