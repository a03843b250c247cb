/** Scores a CSV file of customers: the good rows by the API, the bad ones listed with what is wrong. */
import { csvFormatRows, csvParseRows } from "d3-dsv";
import { Problem } from "../api/client.ts";
import { schema } from "../state/schema.ts";

/** One row that came back from the API. */
export interface ScoredRow {
  /** The line in the file, the header being line 1 where no cell spans lines. */
  readonly line: number;
  readonly id: string;
  readonly probability: number;
  readonly level: string;
  /** All cells, those that the API appended included. */
  readonly cells: readonly string[];
}

/** A row that cannot be scored. */
export interface RejectedRow {
  readonly line: number;
  readonly reasons: readonly string[];
}

export interface ScoredFile {
  readonly header: readonly string[];
  readonly rows: readonly ScoredRow[];
  readonly rejected: readonly RejectedRow[];
}

interface Numbered {
  readonly line: number;
  readonly cells: string[];
}

/** The API names the first hundred faults of a file; this many answers are read before a file is given up. */
const MOST_ROUNDS = 30;

/**
 * Sends the file to `predict`, takes out the rows that it refuses, and sends the rest again until it accepts them.
 *
 * @throws {Problem} where the file as a whole is at fault: no header, an unknown column, too many bad rows.
 */
export async function score(text: string, predict: (csv: string) => Promise<string>): Promise<ScoredFile> {
  const parsed = csvParseRows(text.replace(/^\uFEFF/, ""));
  const header = parsed[0] ?? [];
  const numbered = parsed
    .map((cells, index): Numbered => ({ line: index + 1, cells }))
    .slice(1)
    // A blank line is no row.
    .filter(({ cells }) => cells.length > 1 || cells[0] !== "");
  const rejected: RejectedRow[] = numbered
    .filter(({ cells }) => cells.length !== header.length)
    .map(({ line, cells }) => ({
      line,
      reasons: [`has ${cells.length} cells where the header has ${header.length}`],
    }));
  let good = numbered.filter(({ cells }) => cells.length === header.length);

  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    try {
      const answer = await predict(csvFormatRows([header, ...good.map(({ cells }) => cells)]));
      return { ...read(answer, good), rejected: rejected.sort((one, other) => one.line - other.line) };
    } catch (error) {
      const reasons = reasonsByRow(error);
      if (reasons.size === 0) throw error;
      rejected.push(
        ...[...reasons].map(([index, texts]) => ({ line: good[index]?.line ?? 0, reasons: texts })),
      );
      good = good.filter((_, index) => !reasons.has(index));
    }
  }
  throw new Problem(
    "Too many rows are wrong",
    `${rejected.length} rows were refused and there are more. The first: line ${rejected[0]?.line}, ${rejected[0]?.reasons[0]}.`,
    422,
  );
}

/** What the API says of each row, by their position; empty where its objection is to the file. */
function reasonsByRow(error: unknown): Map<number, string[]> {
  const reasons = new Map<number, string[]>();
  for (const { pointer, detail } of error instanceof Problem ? error.faults : []) {
    const [, row, field] = /^\/(\d+)(?:\/(.*))?$/.exec(pointer) ?? [];
    if (row === undefined) return new Map();
    const index = Number(row);
    reasons.set(index, [...(reasons.get(index) ?? []), field ? `${field} ${detail}` : detail]);
  }
  return reasons;
}

function read(answer: string, good: readonly Numbered[]): Omit<ScoredFile, "rejected"> {
  const [header = [], ...rows] = csvParseRows(answer);
  const id = header.findIndex((name) => bare(name) === bare(schema().roles.id));
  const probability = header.indexOf("churn_probability");
  const level = header.indexOf("risk_level");
  return {
    header,
    rows: rows.map((cells, index) => ({
      line: good[index]?.line ?? 0,
      id: cells[id] ?? `line ${good[index]?.line}`,
      probability: Number(cells[probability]),
      level: cells[level] ?? "",
      cells,
    })),
  };
}

/** A column's name without the marks by which its spellings differ. */
const bare = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");

/** The scored rows as a CSV file. */
export const scoredCsv = (file: ScoredFile, rows: readonly ScoredRow[]): string =>
  `${csvFormatRows([[...file.header], ...rows.map(({ cells }) => [...cells])])}\n`;
