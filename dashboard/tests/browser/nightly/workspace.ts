/** A workspace as every night makes it: compiled after the one of the data before, in which some customers were others. */
import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The date of the data before. */
export const BEFORE = "2026-09-22";
/** What the ids of those begin with who are gone. */
export const GONE = "gone-";

/** The file of a first night, with nothing before it; it is in the folder of the one that is served. */
export const FIRST_NIGHT = "first-night.workspace";

/**
 * Compiles the business of a folder twice, and returns the file to serve. Of every 25 customers, one is new, one is gone, and
 * two have each other's values from before.
 */
export function compileNightly(business: string, folder: string, engagetrack: string): string {
  const before = join(folder, "before");
  cpSync(business, before, { recursive: true });
  rewrite(join(before, "data/schema.toml"), (text) => text.replace(/^as_of = .*$/m, `as_of = ${BEFORE}`));
  rewrite(join(before, "data/customers.csv"), customersBefore);
  const compile = (from: string, name: string, ...options: string[]): string => {
    const file = join(folder, name);
    execFileSync(engagetrack, ["compile", from, "--output", file, ...options], { stdio: "pipe" });
    return file;
  };
  compile(business, FIRST_NIGHT);
  return compile(business, "live.workspace", "--previous", compile(before, "before.workspace"));
}

function rewrite(file: string, change: (text: string) => string): void {
  const text = readFileSync(file, "utf8");
  const changed = change(text);
  if (changed === text) throw new Error(`${file} stayed as it was.`);
  writeFileSync(file, changed);
}

function customersBefore(csv: string): string {
  const [header = "", ...lines] = csv.trimEnd().split("\n");
  const split = (line = ""): [string, string] => {
    const comma = line.indexOf(",");
    return [line.slice(0, comma), line.slice(comma)];
  };
  const rows = lines.flatMap((line, index) => {
    const [id, values] = split(line);
    switch (index % 25) {
      case 0:
        return [];
      case 1:
        return [id + split(lines[index + 1])[1]];
      case 2:
        return [id + split(lines[index - 1])[1]];
      case 3:
        return [line, `${GONE}${id}${values}`];
      default:
        return [line];
    }
  });
  return [header, ...rows, ""].join("\n");
}
