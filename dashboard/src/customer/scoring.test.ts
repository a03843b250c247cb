import { beforeEach, describe, expect, it } from "vitest";
import { GYM } from "../../tests/gym.ts";
import { Problem } from "../api/client.ts";
import { setSchema } from "../state/schema.ts";
import { score, scoredCsv } from "./scoring.ts";

beforeEach(() => setSchema(GYM));

/** Refuses every row whose weeks are negative, as the API does; scores the others. */
async function predict(csv: string): Promise<string> {
  const [header, ...rows] = csv.trim().split("\n");
  const faults = rows.flatMap((row, index) =>
    row.includes(",-") ? [{ pointer: `/${index}/weeks`, detail: "must be between 0 and 600" }] : [],
  );
  // The API names only the first faults.
  if (faults.length > 0) throw new Problem("Invalid", "…", 422, faults.slice(0, 1));
  return [`${header},churn_probability,risk_level`, ...rows.map((row) => `${row},0.25,low`)].join("\n");
}

describe("scoring a file", () => {
  it("scores the good rows and lists the bad ones by their line", async () => {
    const file = await score("\uFEFFMEMBER,weeks\r\na,1\r\nb,-2\r\n\r\nc,3\r\nd,-4\r\ne\r\n", predict);
    expect(file.rows.map(({ id, line, probability, level }) => [id, line, probability, level])).toEqual([
      ["a", 2, 0.25, "low"],
      ["c", 5, 0.25, "low"],
    ]);
    expect(file.rejected).toEqual([
      { line: 3, reasons: ["weeks must be between 0 and 600"] },
      { line: 6, reasons: ["weeks must be between 0 and 600"] },
      { line: 7, reasons: ["has 1 cells where the header has 2"] },
    ]);
    expect(scoredCsv(file, file.rows)).toBe(
      "MEMBER,weeks,churn_probability,risk_level\na,1,0.25,low\nc,3,0.25,low\n",
    );
  });

  it("passes on what is wrong with the file as a whole", async () => {
    const refusal = new Problem("Invalid", "…", 422, [{ pointer: "/Contract", detail: "is missing" }]);
    await expect(score("a,b\n1,2\n", () => Promise.reject(refusal))).rejects.toBe(refusal);
  });

  it("gives up on a file that has nothing but bad rows, saying how it begins", async () => {
    const rows = Array.from({ length: 100 }, () => "x,-1").join("\n");
    await expect(score(`MEMBER,weeks\n${rows}`, predict)).rejects.toThrow(/line 2, weeks must be/);
  });
});
