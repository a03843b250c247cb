import { useLayoutEffect, useState } from "preact/hooks";
import { Answer } from "../../components/answer.tsx";
import { Card } from "../../components/card.tsx";
import { DataTable } from "../../components/data-table.tsx";
import { DownloadButton } from "../../components/download-button.tsx";
import { ProblemNote } from "../../components/problem-note.tsx";
import { RiskBar } from "../../components/risk.tsx";
import { VirtualList } from "../../components/virtual-list.tsx";
import { type Question, questionIn } from "../../customer/readings.ts";
import {
  type Evidence,
  type RejectedRow,
  type ScoredFile,
  type ScoredRow,
  scoredCsv,
} from "../../customer/scoring.ts";
import { percent, plural } from "../../format.ts";
import { keyOf } from "../../state/request.ts";
import { levelLabel } from "../../state/schema.ts";
import { type Brought, bring, close, confirm, scoring } from "../../state/scored-file.ts";

const ROW_HEIGHT = 56;

const ORDERS: Record<string, { label: string; compare: (one: ScoredRow, other: ScoredRow) => number }> = {
  "-probability": { label: "Highest risk", compare: (one, other) => other.probability - one.probability },
  probability: { label: "Lowest risk", compare: (one, other) => one.probability - other.probability },
  line: { label: "Order of the file", compare: (one, other) => one.line - other.line },
  id: { label: "Customer id", compare: (one, other) => one.id.localeCompare(other.id) },
};

/** A button that takes a file. */
export const BringFile = () => (
  <label class="button">
    Score a CSV file
    <input
      type="file"
      accept=".csv,.tsv,.txt,.json,.jsonl,text/csv,application/json"
      class="visually-hidden"
      onChange={(event) => {
        const { files } = event.currentTarget;
        if (files?.[0]) bring(files[0]);
        event.currentTarget.value = "";
      }}
    />
  </label>
);

/** The file that the person brought: its rows with their probabilities, and the rows that were refused. */
export function UploadCards({ brought }: { brought: Brought }) {
  // Another workspace has other probabilities.
  useLayoutEffect(() => scoring.ask(brought), [keyOf(brought)]);
  const asked = scoring.asked(brought);
  const scored = asked.state === "answered" ? asked.data : undefined;
  const faults = asked.state === "refused" ? asked.problem.faults : [];
  const questions = faults.flatMap((fault) => questionIn(fault) ?? []);
  return (
    <>
      <Card
        title={brought.file.name}
        note={
          scored
            ? `${plural(scored.rows.length, "customer")} scored.`
            : asked.state === "pending"
              ? "Scoring…"
              : undefined
        }
        actions={
          <>
            {brought.read.length > 0 && (
              <button type="button" class="button" onClick={() => confirm(null)}>
                Undo what I confirmed
              </button>
            )}
            <button type="button" class="button" onClick={close}>
              Close
            </button>
          </>
        }
      >
        <Answer
          key={brought.number}
          of={asked}
          isQuiet={questions.length > 0}
          skeleton={<div class="skeleton upload-rows" aria-hidden="true" />}
        >
          {(scored, { file }) => scored.rows.length > 0 && <Rows name={file.name} file={scored} />}
        </Answer>
        {questions.length > 0 && <Questions questions={questions} />}
        {asked.state === "refused" && faults.length > questions.length && questions.length > 0 && (
          <ProblemNote problem={asked.problem} isShown={(fault) => questionIn(fault) !== undefined} />
        )}
      </Card>
      {scored && scored.warnings.length > 0 && (
        <HowRead title="Look again" note="Read, but perhaps not what was meant." rows={scored.warnings} />
      )}
      {scored && scored.rejected.length > 0 && <Rejected rows={scored.rejected} />}
      {scored && scored.readAs.length > 0 && (
        <HowRead
          title="How the file was read"
          note="In another way than the schema has it."
          rows={scored.readAs}
        />
      )}
    </>
  );
}

/** What the file leaves open, each with the readings to choose from. */
const Questions = ({ questions }: { questions: readonly Question[] }) => (
  <div class="note questions" role="alert">
    <h2>How should this file be read?</h2>
    <p>More than one reading is plausible, so nothing was scored yet.</p>
    <ul>
      {questions.map(({ column, evidence, readings }) => (
        <li key={`${column} ${evidence}`}>
          <p>
            <strong>{column ?? "The file"}</strong> {evidence}.
          </p>
          <div class="readings">
            {readings.map(({ pair, words }) => (
              <button key={pair} type="button" class="button" onClick={() => confirm(pair)}>
                {words}
              </button>
            ))}
          </div>
        </li>
      ))}
    </ul>
  </div>
);

function Rows({ name, file }: { name: string; file: ScoredFile }) {
  const [order, setOrder] = useState("-probability");
  const [selected, select] = useState(-1);
  const rows = [...file.rows].sort(ORDERS[order]?.compare);
  return (
    <>
      <div class="upload-controls">
        <select
          class="select"
          aria-label="Sort the scored customers by"
          value={order}
          onChange={(event) => {
            setOrder(event.currentTarget.value);
            select(-1);
          }}
        >
          {Object.entries(ORDERS).map(([key, { label }]) => (
            <option key={key} value={key}>
              {label}
            </option>
          ))}
        </select>
        <DownloadButton
          label="Download with probabilities"
          name={name.replace(/(\.csv)?$/i, "_scored.csv")}
          type="text/csv"
          content={async () => scoredCsv(file, rows)}
          isReady
        />
      </div>
      <div class="upload-rows">
        <VirtualList
          label="Scored customers"
          length={rows.length}
          total={rows.length}
          rowHeight={ROW_HEIGHT}
          selected={selected}
          generation={order}
          id={(index) => `line-${rows[index]?.line}`}
          row={(index) => {
            const row = rows[index];
            return row && <Row row={row} />;
          }}
          onSelect={select}
          onNearEnd={() => undefined}
        />
      </div>
    </>
  );
}

const Row = ({ row }: { row: ScoredRow }) => (
  <>
    <span>
      <span class="id">{row.id}</span>
      <span class="sub">line {row.line}</span>
    </span>
    <span class="level">
      <span>{levelLabel(row.level)}</span>
      <RiskBar probability={row.probability} level={row.level} />
    </span>
    <span class="number">{percent(row.probability)}</span>
  </>
);

const Rejected = ({ rows }: { rows: readonly RejectedRow[] }) => (
  <Card
    title={`${plural(rows.length, "row")} refused`}
    note="These could not be scored; all the others were."
  >
    <DataTable
      caption="Refused rows"
      columns={[
        { head: "Line", cell: (row: RejectedRow) => String(row.line) },
        { head: "What is wrong", cell: (row) => row.fault },
      ]}
      rows={rows}
    />
  </Card>
);

const HowRead = ({ title, note, rows }: { title: string; note: string; rows: readonly Evidence[] }) => (
  <Card title={title} note={note}>
    <DataTable
      caption={title}
      columns={[
        { head: "Column", cell: ({ column }: Evidence) => column ?? "The whole file" },
        { head: "Reading", cell: ({ reading }) => reading },
        { head: "Count", cell: ({ count }) => plural(count, "time") },
      ]}
      rows={rows}
    />
  </Card>
);
