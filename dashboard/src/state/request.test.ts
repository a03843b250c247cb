import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from "vitest";
import { GYM } from "../../tests/gym.ts";
import { Problem } from "../api/client.ts";
import { announcement } from "./announcement.ts";
import { type Answered, type Asked, Asking, LONG_MS, mapAnswer, NOTICEABLE_MS } from "./request.ts";
import { setSchema } from "./schema.ts";

/** A question as it was sent, to be answered by the test. */
interface Sent {
  readonly question: string;
  readonly signal: AbortSignal;
  readonly answer: (data: string) => Promise<void>;
  readonly fail: (error: unknown) => Promise<void>;
}

/** A store whose questions go to the test. */
function useAsking(options: ConstructorParameters<typeof Asking<string, string>>[1] = {}) {
  const sent: Sent[] = [];
  const load = (question: string, signal: AbortSignal) =>
    new Promise<string>((resolve, reject) => {
      const arrive = () => vi.advanceTimersByTimeAsync(0).then(() => undefined);
      sent.push({
        question,
        signal,
        answer: (data) => {
          resolve(data);
          return arrive();
        },
        fail: (error) => {
          reject(error);
          return arrive();
        },
      });
    });
  const asking = new Asking(load, options);
  const last = (): Sent => {
    const latest = sent.at(-1);
    if (!latest) throw new Error("Nothing was asked.");
    return latest;
  };
  return { asking, sent, last };
}

const OFFLINE = new TypeError("Failed to fetch");

const browser = new EventTarget();

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("addEventListener", browser.addEventListener.bind(browser));
  vi.stubGlobal("removeEventListener", browser.removeEventListener.bind(browser));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("an answer", () => {
  it("comes with its question", async () => {
    const { asking, last } = useAsking();
    asking.ask("a");
    await last().answer("of a");
    expect(asking.asked("a")).toEqual({ state: "answered", question: "a", data: "of a" });
  });

  it("is never that of another workspace", async () => {
    setSchema(GYM);
    const { asking, sent, last } = useAsking();
    asking.ask("a");
    await last().answer("of the old");
    setSchema({ ...GYM, versions: { workspace: "another" } });
    expect(asking.asked("a")).toEqual({ state: "pending", question: "a", wait: "brief" });
    asking.ask("a");
    expect(sent).toHaveLength(2);
    await last().answer("of the new");
    expect(asking.asked("a")).toEqual({ state: "answered", question: "a", data: "of the new" });
  });

  it("is asked for anew on demand", async () => {
    const { asking, sent, last } = useAsking();
    asking.again();
    expect(sent).toHaveLength(0);
    asking.ask("a");
    await last().answer("of a");
    asking.again();
    expect(asking.asked("a")).toMatchObject({ state: "pending" });
    await last().answer("of a again");
    expect(asking.asked("a")).toMatchObject({ state: "answered", data: "of a again" });
  });

  it("is never that of another question, whether asked already or about to be", async () => {
    const { asking, last } = useAsking();
    asking.ask("a");
    await last().answer("of a");
    expect(asking.asked("b")).toEqual({ state: "pending", question: "b", wait: "brief" });
    asking.ask("b");
    expect(asking.asked("b")).toEqual({ state: "pending", question: "b", wait: "brief" });
    expect(asking.asked("a")).toMatchObject({ state: "pending", question: "a" });
    expect(asking.asked(null)).toEqual({ state: "idle" });
  });

  it("cannot be read before it is known to be one", () => {
    type Either = Asked<"question", "data">;
    expectTypeOf<Extract<Either, { data: unknown }>>().toEqualTypeOf<Answered<"question", "data">>();
    // @ts-expect-error: only an answered question has data
    const read = (asked: Either) => asked.data;
    expect(read({ state: "pending", question: "question", wait: "brief" })).toBeUndefined();
  });

  it("keeps its question when it is read in part", async () => {
    const { asking, last } = useAsking();
    asking.ask("a");
    expect(mapAnswer(asking.asked("a"), (data) => data.length)).toMatchObject({ state: "pending" });
    await last().answer("of a");
    expect(mapAnswer(asking.asked("a"), (data) => data.length)).toEqual({
      state: "answered",
      question: "a",
      data: 4,
    });
  });

  it("is dropped when it arrives after a newer question was asked", async () => {
    const { asking, sent } = useAsking();
    asking.ask("a");
    asking.ask("b");
    expect(sent.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    await sent[1]?.answer("of b");
    await sent[0]?.answer("of a");
    expect(asking.asked("b")).toMatchObject({ state: "answered", data: "of b" });
  });

  it("is dropped when it arrives first but was overtaken, and so is its failure", async () => {
    const { asking, sent } = useAsking();
    asking.ask("a");
    asking.ask("b");
    asking.ask("a");
    await sent[0]?.answer("of the first a");
    await sent[1]?.fail(OFFLINE);
    expect(asking.asked("a")).toMatchObject({ state: "pending" });
    await sent[2]?.answer("of the second a");
    expect(asking.asked("a")).toMatchObject({ state: "answered", data: "of the second a" });
  });

  it("is asked for once, however often the same question is put", async () => {
    const { asking, sent } = useAsking();
    asking.ask("a");
    asking.ask("a");
    await sent[0]?.answer("of a");
    asking.ask("a");
    expect(sent).toHaveLength(1);
  });
});

describe("a wait", () => {
  it("becomes noticeable, then long", () => {
    const { asking } = useAsking();
    const wait = () => asking.asked("a");
    asking.ask("a");
    vi.advanceTimersByTime(NOTICEABLE_MS - 1);
    expect(wait()).toMatchObject({ wait: "brief" });
    vi.advanceTimersByTime(1);
    expect(wait()).toMatchObject({ wait: "noticeable" });
    vi.advanceTimersByTime(LONG_MS - NOTICEABLE_MS);
    expect(wait()).toMatchObject({ wait: "long" });
  });

  it("counts from the last answer, so that fast selection cannot keep a former one on the page", () => {
    const { asking } = useAsking();
    for (let step = 0; step < 10; step += 1) {
      asking.ask(`customer ${step}`);
      vi.advanceTimersByTime(LONG_MS / 10);
    }
    expect(asking.asked("customer 9")).toMatchObject({ wait: "long" });
    expect(asking.asked("customer 10")).toMatchObject({ wait: "long" });
  });

  it("ends with the answer, and the next one begins anew", async () => {
    const { asking, last } = useAsking();
    asking.ask("a");
    vi.advanceTimersByTime(NOTICEABLE_MS - 1);
    await last().answer("of a");
    asking.ask("b");
    vi.advanceTimersByTime(NOTICEABLE_MS - 1);
    expect(asking.asked("b")).toMatchObject({ wait: "brief" });
    await last().answer("of b");
    vi.advanceTimersByTime(LONG_MS);
    expect(asking.asked("b")).toMatchObject({ state: "answered" });
  });
});

describe("typing", () => {
  it("sends the latest question after the delay, and the edits that follow while it is pending", async () => {
    const { asking, sent, last } = useAsking({ delayMs: 40 });
    for (const text of ["1", "12", "123"]) asking.ask(text);
    expect(sent).toHaveLength(0);
    vi.advanceTimersByTime(40);
    expect(sent.map(({ question }) => question)).toEqual(["123"]);
    asking.ask("1234");
    expect(sent[0]?.signal.aborted).toBe(true);
    vi.advanceTimersByTime(40);
    await sent[0]?.answer("of 123");
    expect(asking.asked("1234")).toMatchObject({ state: "pending" });
    await last().answer("of 1234");
    expect(asking.asked("1234")).toMatchObject({ state: "answered", data: "of 1234" });
  });

  it("that goes on for long is asked about all the same", () => {
    const { asking, sent } = useAsking({ delayMs: 40 });
    for (let value = 0; value < 10; value += 1) {
      asking.ask(String(value));
      vi.advanceTimersByTime(30);
    }
    expect(sent.length).toBeGreaterThan(3);
  });
});

describe("a refusal", () => {
  it("leaves the question without an answer until it is asked again", async () => {
    const { asking, sent, last } = useAsking();
    asking.ask("a");
    await last().answer("of a");
    asking.ask("b");
    await last().fail(new Problem("Invalid", "…", 422));
    const refused = asking.asked("b");
    expect(refused).toMatchObject({ state: "refused", question: "b", problem: { status: 422 } });
    browser.dispatchEvent(new Event("online"));
    expect(sent).toHaveLength(2);
    if (refused.state === "refused") refused.retry();
    expect(asking.asked("b")).toMatchObject({ state: "pending" });
    await last().answer("of b");
    expect(asking.asked("b")).toMatchObject({ state: "answered", data: "of b" });
  });

  it("for want of a connection ends when the browser comes online, and that is announced", async () => {
    const { asking, sent, last } = useAsking();
    const said = announcement.value.number;
    asking.ask("a");
    await last().fail(OFFLINE);
    expect(asking.asked("a")).toMatchObject({ state: "refused", problem: { status: 0 } });
    browser.dispatchEvent(new Event("online"));
    expect(sent.map(({ question }) => question)).toEqual(["a", "a"]);
    await last().answer("of a");
    expect(asking.asked("a")).toMatchObject({ state: "answered", data: "of a" });
    expect(announcement.value).toEqual({ text: "The server answers again.", number: said + 1 });
    browser.dispatchEvent(new Event("online"));
    expect(sent).toHaveLength(2);
  });

  it("is forgotten with its question: coming online asks only what is still wanted", async () => {
    const { asking, sent, last } = useAsking();
    asking.ask("a");
    await last().fail(OFFLINE);
    asking.ask("b");
    await last().fail(OFFLINE);
    browser.dispatchEvent(new Event("online"));
    expect(sent.map(({ question }) => question)).toEqual(["a", "b", "b"]);
    asking.ask(null);
    browser.dispatchEvent(new Event("online"));
    expect(sent).toHaveLength(3);
  });
});

describe("a question that is taken back", () => {
  it("is aborted, and nothing comes of it", async () => {
    const { asking, sent, last } = useAsking();
    asking.ask("a");
    asking.ask(null);
    expect(last().signal.aborted).toBe(true);
    await last().answer("of a");
    vi.advanceTimersByTime(LONG_MS);
    expect(asking.asked("a")).toEqual({ state: "pending", question: "a", wait: "brief" });
    expect(sent).toHaveLength(1);
  });

  it("before it was sent is not sent", () => {
    const { asking, sent } = useAsking({ delayMs: 40 });
    asking.ask("a");
    asking.ask(null);
    vi.advanceTimersByTime(40);
    expect(sent).toHaveLength(0);
  });
});
