/** Starts the server for the browser tests, or uses the one at `$SERVER_URL` (`$BASE_URL` is Vite's own, and always set). */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    baseUrl: string;
  }
}

const REPOSITORY = join(import.meta.dirname, "../../..");
const START_LIMIT_MS = 30_000;
const POLL_MS = 50;

export default async function setup(project: TestProject) {
  const given = process.env.SERVER_URL;
  if (given) {
    project.provide("baseUrl", given.replace(/\/$/, ""));
    return;
  }
  const port = await freePort();
  const baseUrl = `http://127.0.0.1:${port}`;
  const server = spawn(binary(), {
    cwd: REPOSITORY,
    env: { ...process.env, HOST: "127.0.0.1", PORT: String(port), USAGE_LOG: "off" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  await untilHealthy(baseUrl, server);
  project.provide("baseUrl", baseUrl);
  return () => {
    server.kill("SIGTERM");
  };
}

function binary(): string {
  const candidates = ["release", "ship", "debug"].map((profile) =>
    join(REPOSITORY, "target", profile, "server"),
  );
  const found = candidates.find(existsSync);
  if (!found)
    throw new Error(`No server found; build one (make build) or set SERVER_URL. Looked for ${candidates}.`);
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

async function untilHealthy(baseUrl: string, server: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_LIMIT_MS;
  while (Date.now() < deadline) {
    if (server.exitCode !== null) throw new Error(`The server ended with code ${server.exitCode}.`);
    const healthy = await fetch(`${baseUrl}/healthz`).then(
      (response) => response.ok,
      () => false,
    );
    if (healthy) return;
    await pause(POLL_MS);
  }
  server.kill("SIGKILL");
  throw new Error(`The server was not healthy within ${START_LIMIT_MS} ms.`);
}
