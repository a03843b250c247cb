import { plural } from "../format.ts";
import { faults } from "../state/workspace.ts";

/** How many faults are shown without asking for the others. */
const FIRST = 3;

/** What keeps the server from taking up the workspace's files as they are now. */
export function FaultsBanner() {
  const all = faults.value;
  if (all.length === 0) return null;
  const [first, others] = [all.slice(0, FIRST), all.slice(FIRST)];
  return (
    <section class="banner" role="alert" aria-live="polite" aria-label="Faults of the workspace">
      <h2>The workspace’s files can’t be used: {plural(all.length, "fault")}</h2>
      <p class="small">The page shows the data from before. This note goes when the files are mended.</p>
      <Faults of={first} />
      {others.length > 0 && (
        <details>
          <summary>{plural(others.length, "more fault")}</summary>
          <Faults of={others} />
        </details>
      )}
    </section>
  );
}

const Faults = ({ of }: { of: readonly string[] }) => (
  <ul class="small">
    {of.map((fault, index) => (
      <li key={index}>
        <Fault text={fault} />
      </li>
    ))}
  </ul>
);

/** A fault, its file set apart. */
function Fault({ text }: { text: string }) {
  const [, file, detail] = /^(\S+): (.*)$/s.exec(text) ?? [];
  return file === undefined ? (
    text
  ) : (
    <>
      <code>{file}</code> {detail}
    </>
  );
}
