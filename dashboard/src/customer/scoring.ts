/** Scores a file of customers: the good rows by the API, the bad ones listed with what is wrong, and how the file was read. */
import { csvFormatRows, csvParseRows } from "d3-dsv";
import { schema } from "../state/schema.ts";

/** One thing that was read in another way than it was written, or that is perhaps not what was meant. */
export interface Evidence {
  /** The column, as the file calls it; null for the file as a whole. */
  readonly column: string | null;
  readonly reading: string;
  readonly count: number;
}

/** What the API answers to a file: a CSV with its rows, and how it was read. */
export interface FileAnswer {
  readonly text: string;
  readonly readAs: readonly Evidence[];
  readonly warnings: readonly Evidence[];
}

/** One row that came back from the API. */
export interface ScoredRow {
  /** The line in the file, the header being line 1. */
  readonly line: number;
  readonly id: string;
  readonly probability: number;
  readonly level: string;
  /** Its own cells, then probability and risk level. */
  readonly cells: readonly string[];
}

/** A row that cannot be scored. */
export interface RejectedRow {
  readonly line: number;
  readonly fault: string;
}

export interface ScoredFile {
  readonly header: readonly string[];
  readonly rows: readonly ScoredRow[];
  readonly rejected: readonly RejectedRow[];
  readonly readAs: readonly Evidence[];
  readonly warnings: readonly Evidence[];
}

/** The columns that the API adds, last of all. */
const ADDED = ["churn_probability", "risk_level", "line", "fault"];

/** Reads what the API answers to a file whose bad rows are listed. */
export function scoredFile({ text, readAs, warnings }: FileAnswer): ScoredFile {
  const [header = [], ...rows] = csvParseRows(text);
  const own = header.length - ADDED.length;
  const id = idColumn(header.slice(0, own), readAs);
  const line = (cells: readonly string[]): number => Number(cells[own + 2]);
  const isScored = (cells: readonly string[]): boolean => cells[own] !== "";
  return {
    header: header.slice(0, own + 2),
    rows: rows.filter(isScored).map((cells) => ({
      line: line(cells),
      id: cells[id] || `line ${line(cells)}`,
      probability: Number(cells[own]),
      level: cells[own + 1] ?? "",
      cells: cells.slice(0, own + 2),
    })),
    rejected: rows
      .filter((cells) => !isScored(cells))
      .map((cells) => ({ line: line(cells), fault: cells[own + 3] ?? "" })),
    readAs,
    warnings,
  };
}

/** Where the id is: in the column that was read as it, else in the one of its name. */
function idColumn(header: readonly string[], readAs: readonly Evidence[]): number {
  const { id } = schema().roles;
  const read = readAs.find(({ reading }) => reading === `is ${id}`);
  return header.findIndex((name) => (read ? name === read.column : bare(name) === bare(id)));
}

/** A column's name without the marks by which its spellings differ. */
const bare = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");

/** The scored rows as a CSV file. */
export const scoredCsv = (file: ScoredFile, rows: readonly ScoredRow[]): string =>
  `${csvFormatRows([[...file.header], ...rows.map(({ cells }) => [...cells])])}\n`;
