import { useState } from "preact/hooks";
import { Problem } from "../api/client.ts";
import { download } from "../charts/file.ts";

interface Props {
  readonly label: string;
  /** The file's name. */
  readonly name: string;
  readonly type: string;
  readonly content: () => Promise<string>;
  /** Whether what would be downloaded is on the page; until then the button is off. */
  readonly isReady: boolean;
  readonly onDone?: () => void;
}

/** Fetches a text and hands it over as a file; says so when that fails. */
export function DownloadButton({ label, name, type, content, isReady, onDone }: Props) {
  const [state, setState] = useState<{ busy: boolean; problem?: Problem }>({ busy: false });
  const isOff = state.busy || !isReady;
  const start = async () => {
    if (isOff) return;
    setState({ busy: true });
    try {
      download(name, type, await content());
      setState({ busy: false });
      onDone?.();
    } catch (error) {
      setState({ busy: false, problem: Problem.from(error) });
    }
  };
  return (
    <>
      <button type="button" class="button" aria-disabled={isOff} onClick={start}>
        {label}
      </button>
      {state.problem && (
        <span role="alert" aria-live="polite" class="small failed">
          {state.problem.detail}
        </span>
      )}
    </>
  );
}
