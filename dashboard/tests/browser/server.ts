/**
 * Starts a server for the browser tests of a business, or uses the one at `$SERVER_URL` (`$BASE_URL` is Vite's own, and always
 * set).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { TestProject } from "vitest/node";
import { writeWorkspace } from "./minimal/workspace.ts";
import { compileNightly } from "./nightly/workspace.ts";

declare module "vitest" {
  interface ProvidedContext {
    baseUrl: string;
    /** The folder or file of the workspace that is served; empty where it is part of the program. */
    workspace: string;
  }
}

const REPOSITORY = join(import.meta.dirname, "../../..");
const SAAS = join(REPOSITORY, "examples/saas");
/** The workspaces by the project: of the repository, or made in a folder of their own. */
const WORKSPACES: Readonly<Record<string, (folder: string) => string>> = {
  telco: () => "",
  saas: () => SAAS,
  minimal: writeWorkspace,
  changing: writeWorkspace,
  nightly: (folder) => compileNightly(SAAS, folder, binary("engagetrack")),
};

const START_LIMIT_MS = 30_000;
const POLL_MS = 50;

export default async function setup(project: TestProject) {
  const given = process.env.SERVER_URL;
  if (given) {
    project.provide("baseUrl", given.replace(/\/$/, ""));
    project.provide("workspace", "");
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "workspace-"));
  const workspace = WORKSPACES[project.name]?.(folder) ?? "";
  const port = await freePort();
  const baseUrl = `http://127.0.0.1:${port}`;
  const server = spawn(binary("server"), {
    cwd: REPOSITORY,
    env: { ...process.env, HOST: "127.0.0.1", PORT: String(port), USAGE_LOG: "off", WORKSPACE: workspace },
    stdio: ["ignore", "ignore", "pipe"],
  });
  // Shown where the server does not start, or ends by itself; the tests bring about faults of their own.
  let said = "";
  server.stderr.on("data", (text) => {
    said += text;
  });
  const ended = once(server, "exit");
  await untilHealthy(baseUrl, server, () => said);
  project.provide("baseUrl", baseUrl);
  project.provide("workspace", workspace);
  return async () => {
    if (server.exitCode !== null) console.error(said);
    server.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true });
  };
}

function binary(name: "server" | "engagetrack"): string {
  const candidates = ["release", "ship", "debug"].map((profile) => join(REPOSITORY, "target", profile, name));
  // The one that was built last: others may be of an older commit.
  const [found] = candidates.filter(existsSync).sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  if (!found)
    throw new Error(`No ${name} found; build one (make build) or set SERVER_URL. Looked for ${candidates}.`);
  if (!existsSync(join(dirname(import.meta.dirname), "../dist/index.html"))) {
    throw new Error("dashboard/dist is missing; run npm run build first.");
  }
  return found;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

async function untilHealthy(baseUrl: string, server: ChildProcess, said: () => string): Promise<void> {
  const deadline = Date.now() + START_LIMIT_MS;
  while (Date.now() < deadline) {
    if (server.exitCode !== null) throw new Error(`The server ended with code ${server.exitCode}: ${said()}`);
    const healthy = await fetch(`${baseUrl}/healthz`).then(
      (response) => response.ok,
      () => false,
    );
    if (healthy) return;
    await pause(POLL_MS);
  }
  server.kill("SIGKILL");
  throw new Error(`The server was not healthy within ${START_LIMIT_MS} ms: ${said()}`);
}
