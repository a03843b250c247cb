import type { Fault, Problem } from "../api/client.ts";
import { sentenceCase } from "../format.ts";
import { isPassing } from "../state/connection.ts";
import { fieldNamed, hasSchema } from "../state/schema.ts";

interface Props {
  readonly problem: Problem;
  readonly retry?: () => void;
  /** Faults that are shown elsewhere, each at its own field. */
  readonly isShown?: (fault: Fault) => boolean;
}

/** Says what went wrong in the server's own words, with a button to try again where that may help. */
export function ProblemNote({ problem, retry, isShown = () => false }: Props) {
  const { title, detail, requestId, faults } = problem;
  const others = faults.filter((fault) => !isShown(fault));
  return (
    <div class="note problem" role="alert" aria-live="polite">
      <h2>{title}</h2>
      <p>{detail}</p>
      {others.length > 0 && (
        <ul>
          {others.map((fault) => (
            <li key={fault.pointer}>
              <strong>{faultLabel(fault)}</strong> {fault.detail}
            </li>
          ))}
        </ul>
      )}
      {(faults.length > 0 || requestId !== null) && (
        <details class="small muted">
          <summary>Details</summary>
          {faults.map(({ pointer }) => (
            <p key={pointer}>
              <code>{pointer}</code>
            </p>
          ))}
          {requestId !== null && <p>Request {requestId}</p>}
        </details>
      )}
      {retry && isPassing(problem) && (
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** What a fault is about, as people call it. */
function faultLabel({ pointer }: Fault): string {
  const name = pointer.split("/").at(-1) ?? "";
  const field = hasSchema() ? fieldNamed(name) : undefined;
  return field?.label ?? sentenceCase(name);
}
