import type { ComponentChildren, RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { waiting } from "../api/busy.ts";
import type { Asked } from "../state/request.ts";
import { ProblemNote } from "./problem-note.tsx";

/** What was drawn of an answer. It keeps its look, whatever is asked next. */
interface Picture<Q> {
  readonly question: Q;
  readonly content: ComponentChildren;
}

/**
 * The picture of the latest answer, as long as that may be shown: until its question is refused or has waited long. An
 * element that is handed to Preact again is not rendered again, so a former answer never meets a newer question.
 */
function usePicture<Q, T>(
  asked: Asked<Q, T>,
  draw: (data: T, question: Q) => ComponentChildren,
): Picture<Q> | undefined {
  const kept = useRef<Picture<Q> | undefined>(undefined);
  if (asked.state === "answered") {
    kept.current = { question: asked.question, content: draw(asked.data, asked.question) };
  } else if (asked.state !== "pending" || asked.wait === "long") {
    kept.current = undefined;
  }
  return kept.current;
}

interface Props<Q, T> {
  readonly of: Asked<Q, T>;
  /** What is shown in place of an answer that takes long, in the shape of what comes. */
  readonly skeleton?: ComponentChildren;
  /** Names what is shown, from its question and whether that is still the one being asked. */
  readonly label?: (shown: Q, isCurrent: boolean) => ComponentChildren;
  /** Leaves a refusal to another `Answer` of the same question. */
  readonly isQuiet?: boolean;
  readonly class?: string;
  readonly children: (data: T, question: Q) => ComponentChildren;
}

/**
 * Shows an answer. While another is pending the former one stays, out of reach at once and dimmed after a moment; then a
 * skeleton takes its place. A refusal is shown in place of the answer.
 */
export function Answer<Q, T>(props: Props<Q, T>) {
  const { of: asked, skeleton, label, isQuiet = false, class: extra = "", children } = props;
  const root = useRef<HTMLDivElement>(null);
  const picture = usePicture(asked, children);
  const isCurrent = asked.state !== "pending";
  const height = useHeight(root, isCurrent);
  useKeptFocus(root, isCurrent);
  if (asked.state === "idle") return null;
  const isFormer = picture !== undefined && !isCurrent;
  const noticeable = asked.state === "pending" && asked.wait !== "brief";
  const isLong = asked.state === "pending" && asked.wait === "long";
  return (
    <div
      ref={root}
      class={`answer ${isFormer && noticeable ? "former" : ""} ${isLong ? "long" : ""} ${extra}`}
      tabIndex={-1}
      inert={isFormer}
      aria-busy={noticeable}
      style={isCurrent || isFormer ? undefined : { minHeight: `${height.current}px` }}
    >
      {asked.state !== "refused" && label?.(picture?.question ?? asked.question, !isFormer)}
      {asked.state === "refused" && !isQuiet && <ProblemNote problem={asked.problem} retry={asked.retry} />}
      {picture?.content}
      {asked.state === "pending" && !picture && (
        <>
          {isLong && waiting.value > 0 && (
            <p class="small muted">The server is busy. Trying again shortly.</p>
          )}
          {skeleton}
        </>
      )}
    </div>
  );
}

/** An answer within a line of text; empty where there is none. */
export function AnswerText<Q, T>({ of: asked, children }: Pick<Props<Q, T>, "of" | "children">) {
  const picture = usePicture(asked, children);
  const noticeable = asked.state === "pending" && asked.wait !== "brief";
  return (
    <span class={noticeable ? "former" : undefined} aria-busy={noticeable}>
      {picture?.content}
    </span>
  );
}

/** Room for what is replaced while an answer is pending; it stays as high as it was, so that what is below it stays in place. */
export function Room({ isCurrent, children }: { isCurrent: boolean; children: ComponentChildren }) {
  const root = useRef<HTMLDivElement>(null);
  const height = useRef(0);
  useLayoutEffect(() => {
    if (isCurrent) height.current = root.current?.offsetHeight ?? 0;
  });
  return (
    <div ref={root} class="room" style={isCurrent ? undefined : { minHeight: `${height.current}px` }}>
      {children}
    </div>
  );
}

/** The height of the latest answer in pixels, which its skeleton keeps so that what is below it stays in place. */
function useHeight(root: RefObject<HTMLElement | null>, isCurrent: boolean): RefObject<number> {
  const height = useRef(0);
  useLayoutEffect(() => {
    if (!isCurrent) height.current = root.current?.offsetHeight ?? 0;
  }, [isCurrent]);
  return height;
}

/**
 * Gives the focus back that was within an answer when another was asked for: to the same element where that is still there,
 * else to the answer as a whole.
 */
function useKeptFocus(root: RefObject<HTMLElement | null>, isCurrent: boolean): void {
  const former = useRef<Element | null>(null);
  // Looked for before the document changes, which may take the focused element out of it.
  const focused = root.current?.contains(document.activeElement) ? document.activeElement : null;
  useLayoutEffect(() => {
    if (!isCurrent) {
      former.current = focused;
      return;
    }
    const before = former.current;
    former.current = null;
    const { activeElement, body } = document;
    if (before === null || (activeElement !== body && activeElement !== before)) return;
    if (before.isConnected && before instanceof HTMLElement) before.focus();
    if (document.activeElement !== before) root.current?.focus({ preventScroll: true });
  }, [isCurrent]);
}
