import { useCallback } from "preact/hooks";
import { fetchAnalytics, fetchChanges, fetchDirectoryCsv, type Query } from "../../api/requests.ts";
import type {
  Analytics,
  Bin,
  Changes,
  Distribution,
  Driver,
  ExpectedFigure,
  Status,
} from "../../api/types.ts";
import { bars, barsHeight } from "../../charts/bars.ts";
import { reliability } from "../../charts/reliability.ts";
import { shares, sharesHeight } from "../../charts/shares.ts";
import { Answer } from "../../components/answer.tsx";
import { Card } from "../../components/card.tsx";
import { Chart } from "../../components/chart.tsx";
import { AsTable } from "../../components/data-table.tsx";
import { DownloadButton } from "../../components/download-button.tsx";
import { Page, Tile } from "../../components/page.tsx";
import { PageSkeleton } from "../../components/skeletons.tsx";
import {
  activeAndLeft,
  count,
  customers,
  decimal,
  inSentence,
  percent,
  roundMoney,
  withSign,
} from "../../format.ts";
import { mapAnswer, useAnswer } from "../../state/request.ts";
import { hasOutcome, period, revenueOf, schema } from "../../state/schema.ts";
import { type BinFilter, isSelected, selection, toggleBin } from "../../state/selection.ts";
import { formatView } from "../../state/view.ts";
import { ChangesCard } from "./changes-card.tsx";
import { CohortCard } from "./cohort-card.tsx";
import { PolicyCard } from "./policy-card.tsx";

/** How many drivers are shown. */
const DRIVERS = 8;

/** The selection in numbers, and what changed about it where there are previous data. */
interface Answers {
  readonly analytics: Analytics;
  readonly changes: Changes | undefined;
}

/** Both at once, so that the page is drawn once. */
async function loadAnswers(query: Query, signal: AbortSignal): Promise<Answers> {
  const [analytics, changes] = await Promise.all([
    fetchAnalytics(query, signal),
    schema().previous && fetchChanges(query, signal),
  ]);
  return { analytics, changes };
}

/** The selection in numbers: who they are, how many leave, what it costs, what drives it. */
export function AnalyticsPage() {
  const query = selection();
  const answers = useAnswer(loadAnswers, query);
  return (
    <Page
      title="Analytics"
      asked={mapAnswer(answers, ({ analytics }) => analytics)}
      size={(data) => Math.max(data.count, data.known_outcomes)}
      extent={(data) =>
        `${customers(data.count, data.statuses)}, of ${count(data.population)} customers in all`
      }
      usual={hasOutcome() ? "Active customers are shown" : "Everybody is shown"}
      actions={
        <>
          <a class="button" href={formatView({ place: "customers", customer: null, params: query })}>
            Show these customers
          </a>
          <DownloadButton
            key={JSON.stringify(query)}
            label="Download this list"
            name="customers.csv"
            type="text/csv"
            content={() => fetchDirectoryCsv(query)}
            isReady={answers.state === "answered"}
          />
        </>
      }
    >
      <Answer of={answers} class="stack" skeleton={<PageSkeleton />}>
        {({ analytics, changes }, asked) => <Cards data={analytics} changes={changes} query={asked} />}
      </Answer>
      <CohortCard />
      {schema().experiments.length > 0 && <PolicyCard />}
    </Page>
  );
}

interface CardsProps {
  readonly data: Analytics;
  readonly changes: Changes | undefined;
  readonly query: Query;
}

const Cards = ({ data, changes, query }: CardsProps) => (
  <>
    <Figures data={data} />
    {changes && <ChangesCard changes={changes} query={query} />}
    <div class="grid">
      {data.distributions.map((distribution) => (
        <DistributionCard key={distribution.field} distribution={distribution} statuses={data.statuses} />
      ))}
    </div>
    <div class="grid wide">
      {hasOutcome() && <CalibrationCard data={data} />}
      <DriversCard drivers={data.drivers} />
    </div>
    {data.count > 0 && <ExpectedCard data={data} />}
  </>
);

/** What the customers are called who are counted, by their statuses. */
function countLabel(statuses: readonly Status[]): string {
  if (!hasOutcome()) return "Customers";
  return COUNT_LABELS[statuses.join()] ?? "Customers";
}

const COUNT_LABELS: Readonly<Record<string, string>> = {
  active: "Active customers",
  left: "Customers who left",
  "active,left": "Customers, active and left",
};

function Figures({ data }: { data: Analytics }) {
  const revenue = revenueOf(data);
  const [low = 0, high = 1] = data.churn_rate_interval ?? [];
  return (
    <dl class="tiles">
      <Tile
        label={countLabel(data.statuses)}
        value={count(data.count)}
        note={`${percent(data.count / data.population)} of all ${count(data.population)}`}
      />
      {hasOutcome() && (
        <Tile
          label="Churn rate"
          value={data.churn_rate === null ? "none" : percent(data.churn_rate, 1)}
          note={`95\u00a0% interval ${percent(low, 1)} to ${percent(high, 1)}; of ${count(data.known_outcomes)}, active and left`}
        />
      )}
      <Tile
        label="Expected churners"
        value={count(data.expected_churners)}
        note={
          data.mean_probability === null ? undefined : `mean probability ${percent(data.mean_probability, 1)}`
        }
      />
      {revenue && (
        <>
          <Tile
            label={`Revenue ${period()}`.trim()}
            value={roundMoney(revenue.total)}
            note={
              hasOutcome() && data.statuses.includes("left")
                ? "paid until they left"
                : "what these customers pay"
            }
          />
          <Tile
            label="Revenue at risk"
            value={roundMoney(revenue.atRisk)}
            note={[period(), "price × probability"].filter(Boolean).join(": ")}
          />
        </>
      )}
    </dl>
  );
}

function DistributionCard({
  distribution: { field, label, bins },
  statuses,
}: {
  distribution: Distribution;
  statuses: readonly Status[];
}) {
  const whose = countLabel(statuses);
  const title = hasOutcome() ? `${label}: customers and churn rate` : `${label}: customers`;
  const draw = useCallback(
    (width: number) =>
      shares(bins, {
        width,
        statuses,
        isChosen: (bin) => isSelected(binFilter(bin)),
        onChoose: (bin) => toggleBin(binFilter(bin)),
      }),
    [bins, statuses.join()],
  );
  return (
    <Card title={label} note={<SharesKey whose={whose} />} picture={`analytics_${field}`}>
      <Chart label={title} draw={draw} height={sharesHeight(bins.length)} />
      <AsTable
        caption={title}
        columns={[
          { head: label, cell: (bin: Bin) => bin.label },
          { head: whose, cell: (bin) => count(bin.count), numeric: true },
          { head: "Share", cell: (bin) => percent(bin.share ?? 0, 1), numeric: true },
          ...(hasOutcome()
            ? [
                {
                  head: "Known outcomes, active and left",
                  cell: (bin: Bin) => count(bin.known_outcomes),
                  numeric: true,
                },
                {
                  head: "Churn rate",
                  cell: (bin: Bin) => (bin.churn_rate === null ? "–" : percent(bin.churn_rate, 1)),
                  numeric: true,
                },
              ]
            : []),
          {
            head: "Mean probability",
            cell: (bin) => (bin.mean_probability === null ? "–" : percent(bin.mean_probability, 1)),
            numeric: true,
          },
        ]}
        rows={bins}
      />
    </Card>
  );
}

const binFilter = (bin: Bin): BinFilter => bin.filter;

const SharesKey = ({ whose }: { whose: string }) => (
  <>
    <span class="key share">share of {inSentence(whose)}</span>{" "}
    {hasOutcome() && <span class="key churn">churn rate of active and left, 95&nbsp;% interval</span>}
  </>
);

function CalibrationCard({ data }: { data: Analytics }) {
  const { bins, expected_calibration_error } = data.calibration;
  const draw = useCallback(
    (width: number) =>
      reliability(
        bins.flatMap(({ mean_probability, churn_rate, churn_rate_interval, count: customers }) => {
          if (mean_probability === null || churn_rate === null) return [];
          const [low = 0, high = 1] = churn_rate_interval ?? [];
          return [{ predicted: mean_probability, observed: churn_rate, low, high, customers }];
        }),
        { width },
      ),
    [bins],
  );
  return (
    <Card
      title="Do the probabilities hold for this selection?"
      note={
        expected_calibration_error === null
          ? undefined
          : `Expected calibration error ${percent(expected_calibration_error, 1)}; ten groups of equal size of customers with a known outcome, active and left.`
      }
      picture="analytics_calibration"
    >
      <Chart label="Predicted and actual churn" draw={draw} height={320} />
      <AsTable
        caption="Predicted and actual churn"
        columns={[
          { head: "Predicted", cell: (bin) => percent(bin.mean_probability ?? 0, 1) },
          { head: "Actual", cell: (bin) => percent(bin.churn_rate ?? 0, 1), numeric: true },
          { head: "Customers", cell: (bin) => count(bin.count), numeric: true },
        ]}
        rows={bins}
      />
    </Card>
  );
}

/** What the probabilities alone promise. */
function ExpectedCard({ data }: { data: Analytics }) {
  const { churners, roc_auc, log_loss } = data.expected_performance;
  const tile = (label: string, expected: ExpectedFigure | null, digits: number) =>
    expected && (
      <Tile
        label={label}
        value={decimal(expected.estimate, digits)}
        note={`95\u00a0% interval ${expected.interval.map((end) => decimal(end, digits)).join(" to ")}`}
      />
    );
  return (
    <Card
      title="What should their outcomes show?"
      note={`What the probabilities of ${customers(data.count, data.statuses)} promise, no outcome needed. Where outcomes lie outside of the intervals, the probabilities no longer hold.`}
    >
      <dl class="tiles">
        {tile("Leave", churners, 0)}
        {tile("ROC-AUC", roc_auc, 3)}
        {tile("Log loss", log_loss, 3)}
      </dl>
    </Card>
  );
}

function DriversCard({ drivers }: { drivers: readonly Driver[] }) {
  const draw = useCallback(
    (width: number) =>
      bars(
        drivers.slice(0, DRIVERS).map((driver) => ({ label: driver.label, value: driver.difference })),
        {
          width,
          format: (value) => withSign(value),
          axis: "Difference of mean contribution (log-odds)",
          directed: true,
        },
      ),
    [drivers],
  );
  return (
    <Card
      title="What sets this selection apart from everyone else?"
      note={`To the right: raises the risk of the selection more than that of the others${activeAndLeft()}.`}
      picture="analytics_drivers"
    >
      {drivers.length === 0 ? (
        <p class="small muted">Select some customers to compare them with everyone else.</p>
      ) : (
        <>
          <Chart
            label="Difference of mean contributions"
            draw={draw}
            height={barsHeight(Math.min(drivers.length, DRIVERS))}
          />
          <AsTable
            caption="Mean contributions in log-odds"
            columns={[
              { head: "Feature", cell: (driver: Driver) => driver.label },
              { head: "Selection", cell: (driver) => decimal(driver.selection, 3), numeric: true },
              { head: "Everyone else", cell: (driver) => decimal(driver.everyone_else, 3), numeric: true },
              { head: "Difference", cell: (driver) => withSign(driver.difference, 3), numeric: true },
            ]}
            rows={drivers}
          />
        </>
      )}
    </Card>
  );
}
