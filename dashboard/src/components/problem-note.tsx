import type { Problem } from "../api/client.ts";
import { isPassing } from "../state/connection.ts";

/** Says what went wrong in the server's own words, with a button to try again where that may help. */
export function ProblemNote({ problem, retry }: { problem: Problem; retry?: () => void }) {
  return (
    <div class="note problem" role="alert" aria-live="polite">
      <h2>{problem.title}</h2>
      <p>{problem.detail}</p>
      {problem.faults.length > 0 && (
        <ul>
          {problem.faults.map((fault) => (
            <li key={fault.pointer}>
              <code>{fault.pointer}</code> {fault.detail}
            </li>
          ))}
        </ul>
      )}
      {problem.requestId && <p class="small muted">Request {problem.requestId}</p>}
      {retry && isPassing(problem) && (
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}
