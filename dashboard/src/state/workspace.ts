/**
 * The workspace that the server answers from, while the page is open. A server may take up another one at any time: the
 * pages then follow its schema, and ask anew whatever they show. Where it can't take up the files of a folder, it says what
 * is wrong with them.
 */
import { signal } from "@preact/signals";
import { api } from "../api/client.ts";
import { fetchSchema, fetchWorkspace, type WorkspaceStatus } from "../api/requests.ts";
import { announce } from "./announcement.ts";
import { keepPossible } from "./possible.ts";
import { schema, setSchema, workspaceVersion } from "./schema.ts";

/** How often the server is asked. */
export const LOOK_EVERY_MS = 5000;

/** What keeps the server from taking up what its workspace's files hold now; none where all is well. */
export const faults = signal<readonly string[]>([]);

/** The version that the latest attempt to follow was for; a server that names versions otherwise is followed once. */
let followed = "";
let following: Promise<void> | undefined;

/** Follows the workspace of a version, unless that is done or under way. */
export function follow(version: string): Promise<void> {
  if (version === workspaceVersion() || version === followed) return following ?? Promise.resolve();
  followed = version;
  following = reloadSchema(version).finally(() => {
    following = undefined;
  });
  return following;
}

async function reloadSchema(version: string): Promise<void> {
  try {
    const next = await fetchSchema(new AbortController().signal);
    if (next.versions.workspace === workspaceVersion()) return;
    const former = schema();
    setSchema(next);
    keepPossible(former, next);
    announce("The data have changed; the page shows the new ones.");
  } catch {
    // The next answer or look tries again.
    if (followed === version) followed = "";
  }
}

function show(now: readonly string[]): void {
  const before = faults.peek();
  if (now.join("\n") === before.join("\n")) return;
  faults.value = now;
  if (now.length === 0) announce("The workspace’s files have no more faults.");
}

/**
 * Looks at the server's workspace from now on, while the page is visible; the function that is returned ends that. A server
 * whose workspace can't change is looked at once. That every answer names its workspace shows a change even sooner.
 */
export function watchWorkspace(): () => void {
  const noticing = {
    onResponse({ response }: { response: Response }) {
      const version = response.headers.get("workspace-version");
      if (version) follow(version);
    },
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isLooking = false;
  let isOver = false;
  const stop = () => {
    isOver = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", look);
    api.eject(noticing);
  };
  async function look(): Promise<void> {
    clearTimeout(timer);
    if (isLooking || isOver || document.visibilityState !== "visible") return;
    isLooking = true;
    const status = await fetchWorkspace().catch(() => "unreachable" as const);
    isLooking = false;
    if (isOver) return;
    if (status !== "unreachable") take(status);
    if (status === "unreachable" || (status !== null && status.source !== "embedded"))
      timer = setTimeout(look, LOOK_EVERY_MS);
    else document.removeEventListener("visibilitychange", look);
  }
  function take(status: WorkspaceStatus | null): void {
    show(status?.faults ?? []);
    if (status) follow(status.version);
  }
  api.use(noticing);
  document.addEventListener("visibilitychange", look);
  look();
  return stop;
}
