/**
 * Questions to the API. An answer can only be read together with the question that it answers, and only while that
 * question is the one being asked: there is no way to show a value under the name of another customer, edit or filter.
 */
import { signal } from "@preact/signals";
import { useLayoutEffect, useMemo } from "preact/hooks";
import { Problem } from "../api/client.ts";
import { announce } from "./announcement.ts";
import { isPassing, whenOnline } from "./connection.ts";
import { workspaceVersion } from "./schema.ts";

/** How long the page has been without an answer: not to be noticed yet, noticeable, or long. */
export type Wait = "brief" | "noticeable" | "long";
export const NOTICEABLE_MS = 150;
export const LONG_MS = 300;

interface Idle {
  readonly state: "idle";
}
interface Pending<Q> {
  readonly state: "pending";
  readonly question: Q;
  /** Counts from the first question after the last answer, however many have followed. */
  readonly wait: Wait;
}
interface Refused<Q> {
  readonly state: "refused";
  readonly question: Q;
  readonly problem: Problem;
  /** Asks the same question again. */
  readonly retry: () => void;
}
/** An answer with its question. */
export interface Answered<Q, T> {
  readonly state: "answered";
  readonly question: Q;
  readonly data: T;
}

/** What has become of a question. */
export type Asked<Q, T> = Idle | Pending<Q> | Refused<Q> | Answered<Q, T>;

/** Gets the answer to a question. All that the answer depends on is in the question, but for the workspace. */
export type Load<Q, T> = (question: Q, signal: AbortSignal) => Promise<T>;

interface Options<Q, T> {
  /** Waits this long for a newer question before it asks the latest. */
  readonly delayMs?: number;
  readonly onAnswer?: (answer: Answered<Q, T>) => void;
  readonly onRefusal?: (problem: Problem) => void;
}

const IDLE: Idle = { state: "idle" };

/** Tells questions apart: equal ones are one question, though each render makes an object of its own, while the workspace is the same. */
export const keyOf = (question: unknown): string =>
  question === null ? "null" : `${workspaceVersion()} ${JSON.stringify(question)}`;

/**
 * Asks one question at a time; a newer question takes the place of an older one, whose answer is dropped. So does the same
 * question to another workspace. What failed for want of a connection is asked again when the browser comes online.
 */
export class Asking<Q, T> {
  readonly #asked = signal<Asked<Q, T>>(IDLE);
  /** The question that `#asked` is about, as text; `null` for none. */
  #key = "null";
  #flight: AbortController | undefined;
  #delay: ReturnType<typeof setTimeout> | undefined;
  #waits: ReturnType<typeof setTimeout>[] = [];
  #stopListening: (() => void) | undefined;
  #hasFailed = false;
  readonly #load: Load<Q, T>;
  readonly #options: Options<Q, T>;

  constructor(load: Load<Q, T>, options: Options<Q, T> = {}) {
    this.#load = load;
    this.#options = options;
  }

  /** What has become of `question`. One that has not been asked is pending: it is about to be. */
  asked(question: Q | null): Asked<Q, T> {
    const asked = this.#asked.value;
    if (question === null) return IDLE;
    if (keyOf(question) === this.#key) return asked;
    return { state: "pending", question, wait: asked.state === "pending" ? asked.wait : "brief" };
  }

  /** Asks a question, unless it is the one already asked; `null` stops asking. */
  ask(question: Q | null): void {
    const key = keyOf(question);
    if (key === this.#key) return;
    this.#key = key;
    if (question === null) this.#stop();
    else this.#start(question);
  }

  /** The present question; undefined where there is none. */
  question(): Q | undefined {
    const asked = this.#asked.peek();
    return asked.state === "idle" ? undefined : asked.question;
  }

  /** Asks the present question anew, whatever has become of it. */
  again(): void {
    const asked = this.#asked.peek();
    if (asked.state !== "idle") this.#start(asked.question);
  }

  #start(question: Q): void {
    this.#flight?.abort();
    this.#stopListening?.();
    const before = this.#asked.peek();
    if (before.state !== "pending") {
      this.#waits = [
        setTimeout(() => this.#hasWaited("noticeable"), NOTICEABLE_MS),
        setTimeout(() => this.#hasWaited("long"), LONG_MS),
      ];
    }
    this.#asked.value = {
      state: "pending",
      question,
      wait: before.state === "pending" ? before.wait : "brief",
    };
    const { delayMs } = this.#options;
    if (!delayMs) this.#send(question);
    else this.#delay ??= setTimeout(() => this.#sendLatest(), delayMs);
  }

  #hasWaited(wait: Wait): void {
    const asked = this.#asked.peek();
    if (asked.state === "pending") this.#asked.value = { ...asked, wait };
  }

  #sendLatest(): void {
    this.#delay = undefined;
    const asked = this.#asked.peek();
    if (asked.state === "pending") this.#send(asked.question);
  }

  async #send(question: Q): Promise<void> {
    const flight = new AbortController();
    this.#flight = flight;
    let outcome: Answered<Q, T> | Refused<Q>;
    try {
      outcome = { state: "answered", question, data: await this.#load(question, flight.signal) };
    } catch (error) {
      const retry = () => this.#retry();
      outcome = { state: "refused", question, problem: Problem.from(error), retry };
    }
    if (!flight.signal.aborted) this.#settle(outcome);
  }

  #settle(outcome: Answered<Q, T> | Refused<Q>): void {
    for (const timer of this.#waits) clearTimeout(timer);
    this.#asked.value = outcome;
    if (outcome.state === "refused") {
      this.#hasFailed = true;
      if (isPassing(outcome.problem)) this.#stopListening = whenOnline(() => this.#retry());
      this.#options.onRefusal?.(outcome.problem);
      return;
    }
    if (this.#hasFailed) announce("The server answers again.");
    this.#hasFailed = false;
    this.#options.onAnswer?.(outcome);
  }

  #retry(): void {
    const asked = this.#asked.peek();
    if (asked.state === "refused") this.#start(asked.question);
  }

  #stop(): void {
    this.#flight?.abort();
    this.#stopListening?.();
    clearTimeout(this.#delay);
    this.#delay = undefined;
    for (const timer of this.#waits) clearTimeout(timer);
    this.#hasFailed = false;
    this.#asked.value = IDLE;
  }
}

/**
 * Asks `question` as long as the component is there; `null` stops asking. `load` is the same function at each call, so that
 * it cannot depend on anything that the question does not hold.
 */
export function useAnswer<Q, T>(load: Load<Q, T>, question: Q | null, delayMs = 0): Asked<Q, T> {
  const asking = useMemo(() => new Asking(load, { delayMs }), [load, delayMs]);
  useLayoutEffect(() => asking.ask(question), [asking, keyOf(question)]);
  useLayoutEffect(() => () => asking.ask(null), [asking]);
  return asking.asked(question);
}

/** The same question with what `read` makes of its answer. */
export function mapAnswer<Q, T, U>(asked: Asked<Q, T>, read: (data: T) => U): Asked<Q, U> {
  return asked.state === "answered" ? { ...asked, data: read(asked.data) } : asked;
}
