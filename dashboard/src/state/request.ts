/** Loading from the API inside a component: the latest question wins, and the last answer stays until the next is there. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Problem } from "../api/client.ts";

/** The state of a question to the API. */
export interface Answer<T> {
  /** The latest answer; of the previous question while `pending`, when the caller keeps it. */
  readonly data: T | undefined;
  /** Why the latest question has no answer. */
  readonly problem: Problem | undefined;
  readonly pending: boolean;
  /** Asks the same question again. */
  readonly retry: () => void;
}

interface Options {
  /** Waits this long for a newer question before asking; 0 asks at once. */
  readonly delayMs?: number;
  /** Shows the answer to the previous question while this one is under way. */
  readonly keepPrevious?: boolean;
}

interface Stored<T> {
  readonly key: string | null;
  readonly data?: T | undefined;
  readonly problem?: Problem | undefined;
}

/**
 * Asks `load` whenever `key` changes; `null` asks nothing. `key` must name everything that `load` depends on.
 */
export function useAnswer<T>(
  key: string | null,
  load: (signal: AbortSignal) => Promise<T>,
  { delayMs = 0, keepPrevious = false }: Options = {},
): Answer<T> {
  const [stored, store] = useState<Stored<T>>({ key: null });
  const [attempt, setAttempt] = useState(0);
  const latest = useRef(load);
  latest.current = load;

  // `attempt` is no input of the question; counting it up asks again.
  useEffect(() => {
    if (key === null) return;
    const abort = new AbortController();
    const ask = () => {
      latest
        .current(abort.signal)
        .then((data) => abort.signal.aborted || store({ key, data }))
        .catch((error: unknown) => {
          if (!abort.signal.aborted) store({ key, problem: Problem.from(error) });
        });
    };
    const timer = delayMs > 0 ? setTimeout(ask, delayMs) : undefined;
    if (timer === undefined) ask();
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key, attempt, delayMs]);

  const fresh = stored.key === key;
  return {
    data: fresh || (keepPrevious && key !== null) ? stored.data : undefined,
    problem: fresh ? stored.problem : undefined,
    pending: key !== null && !fresh,
    retry: () => {
      store({ key: null });
      setAttempt(attempt + 1);
    },
  };
}
