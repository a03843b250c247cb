import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { Announcer } from "./components/announcer.tsx";
import { FaultsBanner } from "./components/faults-banner.tsx";
import { Mark } from "./components/icons.tsx";
import { sentenceCase } from "./format.ts";
import { AnalyticsPage } from "./pages/analytics/analytics-page.tsx";
import { CampaignPage } from "./pages/campaign/campaign-page.tsx";
import { CustomersPage } from "./pages/customers/customers-page.tsx";
import { ExperimentPage } from "./pages/experiment/experiment-page.tsx";
import { ExplainabilityPage } from "./pages/explainability/explainability-page.tsx";
import { schema } from "./state/schema.ts";
import { selection } from "./state/selection.ts";
import { formatView, PLACES, type Place, view } from "./state/view.ts";
import { watchWorkspace } from "./state/workspace.ts";

const PAGES: Record<Place, ComponentType> = {
  customers: CustomersPage,
  campaign: CampaignPage,
  analytics: AnalyticsPage,
  experiment: ExperimentPage,
  explainability: ExplainabilityPage,
};

/** The frame around every place: navigation above, the honest line below. */
export function App() {
  const { place, customer } = view.value;
  const Content = PAGES[place];
  useEffect(watchWorkspace, []);
  document.title = `${customer ?? sentenceCase(place)} · EngageTrack AI`;
  return (
    <>
      <button type="button" class="skip" onClick={focusMain}>
        Skip to the content
      </button>
      <header class="header">
        <a class="brand" href="#/customers">
          <Mark />
          <span>EngageTrack AI</span>
        </a>
        <nav class="places" aria-label="Places">
          {PLACES.map((name) => (
            <a
              key={name}
              href={formatView({ place: name, customer: null, params: selection() })}
              aria-current={name === place ? "page" : undefined}
            >
              {sentenceCase(name)}
            </a>
          ))}
        </nav>
      </header>
      <main id="main" tabIndex={-1}>
        <FaultsBanner />
        <Content key={place} />
      </main>
      <footer class="footer">{schema().note} Probabilities are expectations, not promises.</footer>
      <Announcer />
    </>
  );
}

// A link to `#main` would replace the view, which stands in the fragment.
function focusMain() {
  document.getElementById("main")?.focus();
}
