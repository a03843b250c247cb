import { beforeEach, describe, expect, it } from "vitest";
import { GYM } from "../../tests/gym.ts";
import { setSchema } from "../state/schema.ts";
import { scoredCsv, scoredFile } from "./scoring.ts";

beforeEach(() => setSchema(GYM));

const answer = (
  text: string,
  readAs = [] as { column: string | null; reading: string; count: number }[],
) => ({
  text,
  readAs,
  warnings: [],
});

describe("a scored file", () => {
  it("has the good rows, and the bad ones with what is wrong", () => {
    const file = scoredFile(
      answer(
        "MEMBER,weeks,churn_probability,risk_level,line,fault\na,1,0.25,low,2,\nb,-2,,,3,weeks must be between 0 and 600\n,3,0.5,high,5,\n",
      ),
    );
    expect(file.rows.map(({ id, line, probability, level }) => [id, line, probability, level])).toEqual([
      ["a", 2, 0.25, "low"],
      ["line 5", 5, 0.5, "high"],
    ]);
    expect(file.rejected).toEqual([{ line: 3, fault: "weeks must be between 0 and 600" }]);
    expect(scoredCsv(file, file.rows)).toBe(
      "MEMBER,weeks,churn_probability,risk_level\na,1,0.25,low\n,3,0.5,high\n",
    );
  });

  it("takes the id from the column that was read as it", () => {
    const readAs = [{ column: "Who", reading: `is ${GYM.roles.id}`, count: 1 }];
    const text = "Who,weeks,churn_probability,risk_level,line,fault\na,1,0.25,low,2,\n";
    expect(scoredFile(answer(text, readAs)).rows[0]?.id).toBe("a");
    expect(scoredFile(answer(text)).rows[0]?.id).toBe("line 2");
  });
});
