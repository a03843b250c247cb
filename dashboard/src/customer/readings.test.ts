import { beforeEach, describe, expect, it } from "vitest";
import { GYM } from "../../tests/gym.ts";
import { setSchema } from "../state/schema.ts";
import { questionIn } from "./readings.ts";

beforeEach(() => setSchema(GYM));

const words = (detail: string, pointer = "/x") =>
  questionIn({ pointer, detail })?.readings.map((reading) => reading.words);

describe("questions of the API", () => {
  it("are told from other faults", () => {
    expect(questionIn({ pointer: "/0/plan", detail: "is required" })).toBeUndefined();
    const detail =
      "has 3 numbers of which the last three digits may be decimals or thousands; confirm with read=decimal:comma or read=decimal:point";
    expect(questionIn({ pointer: "/Fee~1month", detail })).toEqual({
      column: "Fee/month",
      evidence: "has 3 numbers of which the last three digits may be decimals or thousands",
      readings: [
        {
          pair: "decimal:comma",
          words: "1.234 is one thousand two hundred thirty-four: decimals follow a comma",
        },
        { pair: "decimal:point", words: "1.234 is a little more than one: decimals follow a point" },
      ],
    });
    expect(questionIn({ pointer: "", detail: "x; confirm with read=delimiter:tab" })?.column).toBeNull();
  });

  it("are worded by what each reading means", () => {
    expect(words("y; confirm with read=Plan:0=Monthly|1=Yearly")).toEqual(["0 is Monthly, 1 is Yearly"]);
    expect(words("y; confirm with read=Plan:None=No|x\\,y=missing")).toEqual([
      "None is No, x,y is not known",
    ]);
    expect(words("y; confirm with read=plan:none=Monthly or read=plan:none=missing")).toEqual([
      "a row without a yes is Monthly",
      "a row without a yes is not known",
    ]);
    expect(words("may be fee; confirm with read=f\\:ee:fee or read=f\\:ee:other")).toEqual([
      "f:ee is Fee",
      "f:ee is something else",
    ]);
  });
});
