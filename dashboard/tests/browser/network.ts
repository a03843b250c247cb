/** The network between page and API as a test wants it. */
import type { Page, Route } from "playwright-core";

/** All that a page asks of the API. */
export const API = "**/v1/**";

/** Requests that are held back. */
export interface Held {
  /** Those held so far, in the order in which they came; each is answered once. */
  readonly routes: Route[];
  /** Lets the held ones through, and all that come later. */
  release(): Promise<void>;
}

/** Holds back what matches until the test lets it through, as a network does that takes its time. */
export async function hold(page: Page, pattern: string): Promise<Held> {
  const routes: Route[] = [];
  let isOpen = false;
  await page.route(pattern, (route) => {
    if (isOpen) return route.fallback();
    routes.push(route);
  });
  return {
    routes,
    async release() {
      isOpen = true;
      // What the page has given up on cannot be let through any more.
      await Promise.all(routes.splice(0).map((route) => route.fallback().catch(() => undefined)));
    },
  };
}

/** Answers what matches only after some time. */
export async function delay(page: Page, pattern: string, ms: number): Promise<void> {
  await page.route(pattern, (route) => {
    setTimeout(() => route.fallback().catch(() => undefined), ms);
  });
}

/**
 * Notes from now on whether the page ever has what a selector finds, however short the moment; to be asked later. A state
 * that lasts 150 ms may be over before a test looks for it.
 */
export async function watch(page: Page, selector: string): Promise<() => Promise<boolean>> {
  const watched = await page.evaluateHandle((selector) => {
    const seen = { found: document.querySelector(selector) !== null };
    new MutationObserver(() => {
      seen.found ||= document.querySelector(selector) !== null;
    }).observe(document.body, { subtree: true, childList: true, attributes: true });
    return seen;
  }, selector);
  return () => watched.evaluate(({ found }) => found);
}

export interface Refusal {
  readonly status: number;
  /** How many requests are refused; all of them when absent. */
  readonly times?: number;
  readonly retryAfter?: string;
}

/** Refuses what matches; counts in what is returned. */
export async function refuse(page: Page, pattern: string, refusal: Refusal): Promise<{ asked: number }> {
  const { status, times = Number.POSITIVE_INFINITY, retryAfter } = refusal;
  const counter = { asked: 0 };
  await page.route(pattern, (route) => {
    counter.asked += 1;
    if (counter.asked > times) return route.fallback();
    return route.fulfill({
      status,
      contentType: "application/problem+json",
      ...(retryAfter !== undefined && { headers: { "retry-after": retryAfter } }),
      body: JSON.stringify({ title: "Too busy", status, detail: "Come back later." }),
    });
  });
  return counter;
}

/** Console messages of a connection that is cut, and of refusals. */
export const NETWORK_ERRORS = /ERR_INTERNET_DISCONNECTED|ERR_FAILED|status of (429|503)/;
