/** Asking a busy server again when it says so: 429 and 503 with `retry-after` (RFC 9110, section 10.2.3). */
import { signal } from "@preact/signals";

/** How often a request is repeated before its refusal counts. */
const MOST_REPEATS = 3;
/** The longest wait that is worth more than an answer that says why there is none. */
const LONGEST_WAIT_MS = 60_000;

/** How many requests are waiting until the server wants them again. */
export const waiting = signal(0);

/** `fetch`, which repeats what a busy server refuses for now. The last refusal is returned like any other response. */
export async function patientFetch(request: Request): Promise<Response> {
  // A request's own body can be sent only once.
  const body = await request.arrayBuffer();
  const init = body.byteLength === 0 ? {} : { body };
  for (let repeats = 0; ; repeats += 1) {
    const response = await fetch(request, init);
    const waitMs = retryAfterMs(response);
    if (waitMs === undefined || waitMs > LONGEST_WAIT_MS || repeats === MOST_REPEATS) return response;
    await response.body?.cancel();
    waiting.value += 1;
    try {
      await pause(waitMs, request.signal);
    } finally {
      waiting.value -= 1;
    }
  }
}

/** The wait that a refusal asks for, which may be given in seconds or as a date; undefined when there is none. */
export function retryAfterMs({ status, headers }: Pick<Response, "status" | "headers">): number | undefined {
  const value = headers.get("retry-after")?.trim();
  if ((status !== 429 && status !== 503) || !value) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const at = Date.parse(value);
  if (Number.isNaN(at)) return undefined;
  // By the server's clock, where it is known: this machine's may be wrong.
  const now = Date.parse(headers.get("date") ?? "");
  return Math.max(0, at - (Number.isNaN(now) ? Date.now() : now));
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}
