import { useState } from "preact/hooks";
import { Problem } from "../api/client.ts";
import { download } from "../charts/file.ts";

interface Props {
  readonly label: string;
  /** The file's name. */
  readonly name: string;
  readonly type: string;
  readonly content: () => Promise<string>;
  readonly onDone?: () => void;
}

/** Fetches a text and hands it over as a file; says so when that fails. */
export function DownloadButton({ label, name, type, content, onDone }: Props) {
  const [state, setState] = useState<{ busy: boolean; problem?: Problem }>({ busy: false });
  const start = async () => {
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
      <button type="button" class="button" disabled={state.busy} onClick={start}>
        {label}
      </button>
      {state.problem && (
        <span role="alert" class="small failed">
          {state.problem.detail}
        </span>
      )}
    </>
  );
}
