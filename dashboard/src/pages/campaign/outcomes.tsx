import { useState } from "preact/hooks";
import { readCampaign } from "../../api/requests.ts";
import type { CampaignReadout, NudgeEffect } from "../../api/types.ts";
import { Answer } from "../../components/answer.tsx";
import { Card } from "../../components/card.tsx";
import { DataTable } from "../../components/data-table.tsx";
import { Tile } from "../../components/page.tsx";
import { PageSkeleton } from "../../components/skeletons.tsx";
import { count, decimal, percent, plural, points, pValue, roundMoney } from "../../format.ts";
import { useAnswer } from "../../state/request.ts";

/** The parameters on which a readout depends. The file itself is the list, so no filter is among them. */
const OF_READOUT = ["campaign", "holdout", "cost", "months"];

/** What became of the campaign's customers: a file in, a readout out. */
export function Outcomes({ query }: { query: Record<string, string[]> | null }) {
  // A file says nothing of its content; the number tells one from the next.
  const [brought, setBrought] = useState<{ file: File; number: number } | null>(null);
  const parameters = Object.entries(query ?? {}).filter(([name]) => OF_READOUT.includes(name));
  const question = query && brought && { query: Object.fromEntries(parameters), ...brought };
  const asked = useAnswer(readCampaign, question);
  return (
    <Card
      title="Did it work?"
      note="Add a column “left” to the downloaded file, and “contacted” if you know who was reached, and bring it back. The name above must be the campaign’s."
      actions={
        query && (
          <label class="button">
            Bring outcomes back
            <input
              type="file"
              accept=".csv,.tsv,.txt,text/csv"
              class="visually-hidden"
              onChange={({ currentTarget: input }) => {
                const [file] = input.files ?? [];
                if (file) setBrought({ file, number: (brought?.number ?? 0) + 1 });
                input.value = "";
              }}
            />
          </label>
        )
      }
    >
      {brought && <p class="small muted">{brought.file.name}</p>}
      <Answer of={asked} class="stack" skeleton={<PageSkeleton />}>
        {(readout) => <Readout readout={readout} />}
      </Answer>
    </Card>
  );
}

function Readout({ readout }: { readout: CampaignReadout }) {
  const { control, treatment, cuped, impact, contacted, nudges, unknown, repeated } = readout;
  const difference = cuped?.absolute_difference ?? readout.absolute_difference;
  const ends = (interval: readonly number[] | null | undefined, format: (value: number) => string) =>
    interval ? `95\u00a0% interval ${format(interval[0] ?? 0)} to ${format(interval[1] ?? 0)}` : undefined;
  const one = (value: number) => decimal(value, 1);
  const notes = [
    unknown.length > 0 && `${plural(unknown.length, "id")} of the file no customer has.`,
    repeated.length > 0 && `${plural(repeated.length, "id")} of the file came more than once.`,
    readout.outcome_unknown > 0 && `${plural(readout.outcome_unknown, "outcome")} not known yet.`,
  ].filter(Boolean);
  return (
    <>
      <p class={`decision ${readout.decision}`}>{readout.sentence}</p>
      <dl class="tiles">
        <Tile
          label="Left of those held out"
          value={control.rate == null ? "unknown" : percent(control.rate, 1)}
          note={plural(control.users, "customer")}
        />
        <Tile
          label="Left of those contacted"
          value={treatment.rate == null ? "unknown" : percent(treatment.rate, 1)}
          note={plural(treatment.users, "customer")}
        />
        <Tile
          label="Effect, adjusted"
          value={difference.estimate == null ? "unknown" : points(difference.estimate)}
          note={ends(difference.interval, (value) => points(value))}
        />
        <Tile
          label="Customers kept"
          value={impact.customers_kept ? one(impact.customers_kept.estimate) : "unknown"}
          note={ends(impact.customers_kept?.interval, one)}
        />
        {impact.net && (
          <Tile
            label="Worth, less the cost"
            value={roundMoney(impact.net.estimate)}
            note={ends(impact.net.interval, roundMoney)}
          />
        )}
        {contacted && (
          <Tile
            label="Reached"
            value={percent(contacted.contact_rate)}
            note={
              contacted.effect_on_contacted == null
                ? undefined
                : `effect on them ${points(contacted.effect_on_contacted)}`
            }
          />
        )}
      </dl>
      {notes.length > 0 && <p class="small muted">{notes.join(" ")}</p>}
      {nudges.length > 0 && <DataTable caption="Effect by nudge" columns={COLUMNS} rows={nudges} />}
    </>
  );
}

const COLUMNS = [
  { head: "Nudge", cell: ({ title }: NudgeEffect) => title ?? "Not in the catalogue today" },
  {
    head: "Customers",
    cell: ({ control, treatment }: NudgeEffect) => count(control.users + treatment.users),
    numeric: true,
  },
  {
    head: "Effect, adjusted",
    cell: ({ adjusted_difference }: NudgeEffect) =>
      adjusted_difference?.estimate == null ? "unknown" : points(adjusted_difference.estimate),
    numeric: true,
  },
  {
    head: "p value, adjusted",
    cell: ({ adjusted_p_value }: NudgeEffect) =>
      adjusted_p_value == null ? "unknown" : pValue(adjusted_p_value),
    numeric: true,
  },
  {
    head: "For nudges.toml",
    cell: ({ toml }: NudgeEffect) => (toml === null ? "" : <code class="small">{toml}</code>),
  },
];
