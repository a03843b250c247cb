import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { patientFetch, retryAfterMs, waiting } from "./busy.ts";

const NOW = Date.parse("2026-03-01T12:00:00Z");
const URL_ = "http://localhost/v1/predict";

const refusal = (status: number, headers: Record<string, string> = {}) =>
  new Response("{}", { status, headers });

/** Lets `fetch` give these responses in turn, the last of them for ever; returns the bodies that it was sent. */
function serve(...responses: (() => Response)[]): string[] {
  const bodies: string[] = [];
  vi.stubGlobal("fetch", async (request: Request, init?: RequestInit) => {
    const sent = new Request(request, init);
    bodies.push(await sent.text());
    const next = responses[Math.min(bodies.length, responses.length) - 1];
    return next?.();
  });
  return bodies;
}

const post = (signal?: AbortSignal) =>
  new Request(URL_, { method: "POST", body: "the profile", ...(signal && { signal }) });

beforeEach(() => {
  vi.useFakeTimers({ now: NOW });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("retry-after", () => {
  it.each([
    [503, { "retry-after": "2" }, 2000],
    [429, { "retry-after": " 7 " }, 7000],
    [503, { "retry-after": "0" }, 0],
    [503, { "retry-after": "Sun, 01 Mar 2026 12:00:05 GMT" }, 5000],
    [503, { "retry-after": "Sun, 01 Mar 2026 11:59:00 GMT" }, 0],
    [429, { "retry-after": "Sun, 01 Mar 2026 09:00:03 GMT", date: "Sun, 01 Mar 2026 09:00:00 GMT" }, 3000],
    [503, {}, undefined],
    [503, { "retry-after": "soon" }, undefined],
    [500, { "retry-after": "1" }, undefined],
    [200, { "retry-after": "1" }, undefined],
  ])("of status %i with %o is a wait of %s ms", (status, headers, expected) => {
    expect(retryAfterMs({ status, headers: new Headers(headers) })).toBe(expected);
  });
});

describe("a busy server", () => {
  it.each([429, 503])("that answers %i is asked again after the wait, with the same body", async (status) => {
    const bodies = serve(
      () => refusal(status, { "retry-after": "2" }),
      () => refusal(200),
    );
    const answer = patientFetch(post());
    await vi.advanceTimersByTimeAsync(1999);
    expect(bodies).toEqual(["the profile"]);
    expect(waiting.value).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect((await answer).status).toBe(200);
    expect(bodies).toEqual(["the profile", "the profile"]);
    expect(waiting.value).toBe(0);
  });

  it("is asked four times at most", async () => {
    const bodies = serve(() => refusal(503, { "retry-after": "0" }));
    const answer = patientFetch(post());
    await vi.runAllTimersAsync();
    expect((await answer).status).toBe(503);
    expect(bodies).toHaveLength(4);
  });

  it.each([
    ["does not say when", {}],
    ["wants more than a minute", { "retry-after": "61" }],
  ])("that %s is not asked again", async (_, headers) => {
    const bodies = serve(() => refusal(503, headers));
    expect((await patientFetch(post())).status).toBe(503);
    expect(bodies).toHaveLength(1);
  });

  it("is not asked again for what is no longer wanted", async () => {
    const bodies = serve(() => refusal(503, { "retry-after": "5" }));
    const abort = new AbortController();
    const answer = patientFetch(post(abort.signal));
    const outcome = expect(answer).rejects.toMatchObject({ name: "AbortError" });
    await vi.advanceTimersByTimeAsync(1000);
    abort.abort();
    await outcome;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(bodies).toHaveLength(1);
    expect(waiting.value).toBe(0);
  });
});
