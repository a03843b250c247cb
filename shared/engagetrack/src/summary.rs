//! All that is known of one customer, as data and as a report that a person would forward.

use crate::card;
use crate::customer::{CustomerId, Profile, Status};
use crate::encoding::{self, FIELDS, at};
use crate::explanation::{self, Explanation};
use crate::lifecycle::{self, Persona, PersonaCard, Stage};
use crate::measured::Measured;
use crate::model::{self, Prediction};
use crate::nudges::{self, Nudge};
use crate::plan::PlanChange;
use crate::population::Customer;
use crate::profile_json::ProfileJson;
use crate::recourse::Recourse;
use serde::Serialize;
use utoipa::ToSchema;

/// Columns of a report.
const WIDTH: usize = 80;
/// Columns of a label.
const LABEL: usize = 36;
/// Columns of a nudge's title with its number.
const TITLE: usize = 48;
/// Columns of a measured effect.
const MEASURED: usize = 14;
/// Columns of a projected change.
const PROJECTED: usize = WIDTH - TITLE - MEASURED;
/// What stands where a nudge has no effect of a kind.
const NONE: &str = "\u{2013}";
/// How many contributions a report shows before it sums up the others.
const CONTRIBUTIONS: usize = 9;

/// All that is known of one customer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Summary {
    /// The id.
    #[schema(value_type = String, example = "1234-ABCDE")]
    pub customer_id: CustomerId,
    /// The profile.
    pub profile: ProfileJson,
    /// Whether the customer left, in the simulated history.
    pub churned: bool,
    /// `left` for customers who left, otherwise `active`.
    pub status: Status,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub prediction: Prediction,
    /// The persona.
    pub persona: PersonaCard,
    /// The lifecycle stage.
    pub stage: Stage,
    /// Whether the customer is at risk.
    pub at_risk: bool,
    /// Why the model expects it.
    pub explanation: Explanation,
    /// What to do, best first.
    pub nudges: Vec<Nudge>,
    /// The smallest change of plan that brings the risk under 0.5.
    pub recourse: Recourse,
    /// What a projected probability is, and what it is not.
    pub note: &'static str,
    /// The date of the data, `YYYY-MM-DD`.
    pub data_date: &'static str,
}

impl Summary {
    /// Sums up one of the embedded customers.
    pub fn of(customer: Customer) -> Self {
        let profile = customer.profile();
        let prediction = model::predict(&profile);
        let advice = nudges::Request::default().advice(&profile);
        Self {
            customer_id: customer.id(),
            profile: ProfileJson::from(&profile),
            churned: customer.churned(),
            status: customer.status(),
            persona: Persona::of(&profile).card(),
            stage: Stage::of(&profile),
            at_risk: lifecycle::at_risk(&profile, prediction.probability),
            explanation: explanation::explain(&profile),
            nudges: advice.nudges,
            recourse: advice.recourse,
            note: advice.note,
            data_date: card::DATA_DATE,
            prediction,
        }
    }
}

/// The report on one of the embedded customers: plain text in UTF-8, at most 80 columns, ends with a newline.
pub fn report(customer: Customer) -> String {
    let summary = Summary::of(customer);
    let profile = customer.profile();
    let mut report = Report::default();
    report.line(&format!("CUSTOMER SUMMARY  {}", summary.customer_id));
    report.line(&"=".repeat(WIDTH));
    report.plan(&profile);
    report.behaviour(&summary, &profile);
    report.risk(&summary);
    report.reasons(&summary.explanation);
    report.nudges(&summary.nudges);
    report.recourse(&summary.recourse);
    report.line("");
    report.line(&"-".repeat(WIDTH));
    report.paragraph("", summary.note);
    report.paragraph(
        "",
        "The customers are simulated; the model is trained on IBM's Telco Customer Churn data.",
    );
    report.line(&format!(
        "Model {}, data of {}. EngageTrack AI.",
        card::VERSION,
        card::DATA_DATE
    ));
    report.0
}

/// A report as far as it is written.
#[derive(Default)]
struct Report(String);

impl Report {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn section(&mut self, title: &str) {
        self.line("");
        self.line(title);
    }

    /// A label and what stands behind it, on one line.
    fn entry(&mut self, label: &str, value: &str) {
        self.line(&format!("  {label:<LABEL$}{value}"));
    }

    /// Text behind a bullet or an indent, wrapped; further lines stand under the first.
    fn paragraph(&mut self, lead: &str, text: &str) {
        let rest = " ".repeat(lead.chars().count());
        let options = textwrap::Options::new(WIDTH)
            .initial_indent(lead)
            .subsequent_indent(&rest);
        for line in textwrap::wrap(text, options) {
            self.line(&line);
        }
    }

    fn plan(&mut self, profile: &Profile) {
        self.section("PLAN");
        let codes = encoding::codes(profile);
        for (position, field) in FIELDS.iter().enumerate().take(at::TOTAL_CHARGES + 1) {
            let value = encoding::display(position, codes[position]);
            let value = match position {
                at::TENURE_MONTHS => format!("{value} {}", plural(codes[position], "month")),
                at::TOTAL_CHARGES if codes[position].is_nan() => "not billed yet".to_owned(),
                at::MONTHLY_CHARGES | at::TOTAL_CHARGES => format!("${value}"),
                _ => value.into_owned(),
            };
            self.entry(field.label, &value);
        }
    }

    fn behaviour(&mut self, summary: &Summary, profile: &Profile) {
        self.section("BEHAVIOUR");
        let codes = encoding::codes(profile);
        for position in [at::USAGE_FREQUENCY, at::SUPPORT_CALLS, at::PAYMENT_DELAY] {
            self.entry(
                FIELDS[position].label,
                &encoding::display(position, codes[position]),
            );
        }
        self.entry("Persona", summary.persona.name);
        self.paragraph(&" ".repeat(LABEL + 2), summary.persona.description);
        self.entry("Lifecycle stage", summary.stage.name());
        self.entry("At risk", if summary.at_risk { "yes" } else { "no" });
        self.entry(
            "Experiment variant",
            profile.variant.map_or("none", |variant| variant.name()),
        );
        self.entry("Status (simulated history)", summary.status.name());
    }

    fn risk(&mut self, summary: &Summary) {
        self.section("CHURN RISK");
        let prediction = &summary.prediction;
        self.entry("Probability of leaving", &percent(prediction.probability));
        self.entry("Risk level", prediction.risk_level.name());
        self.entry(
            "Customers with a lower risk",
            &format!("{:.1} %", prediction.percentile),
        );
        self.entry(
            "Average customer in training",
            &percent(prediction.base_rate),
        );
    }

    fn reasons(&mut self, explanation: &Explanation) {
        self.section("WHY (contributions in log-odds; + raises the risk)");
        self.paragraph("  ", &explanation.sentence);
        let (shown, others) = explanation.contributions.split_at(CONTRIBUTIONS);
        self.entry(
            "Expected before anything is known",
            &signed(explanation.base_value),
        );
        for contribution in shown {
            self.entry(&contribution.words, &signed(contribution.contribution));
        }
        let others_sum = others
            .iter()
            .map(|contribution| contribution.contribution)
            .sum();
        self.entry(
            &format!("{} other features", others.len()),
            &signed(others_sum),
        );
        self.entry(
            "Sum",
            &format!(
                "{} = {}",
                signed(explanation.prediction_value),
                percent(explanation.probability)
            ),
        );
    }

    fn nudges(&mut self, nudges: &[Nudge]) {
        let head = columns("WHAT TO DO", "MEASURED", "PROJECTED");
        self.section(&head);
        for (index, nudge) in nudges.iter().enumerate() {
            let measured = nudge.measured.map_or(NONE.to_owned(), measured);
            let projected = match nudge.change {
                None => NONE.to_owned(),
                Some(_) => format!(
                    "{} ({})",
                    points(-100.0 * nudge.risk_reduction),
                    percent(nudge.projected_probability)
                ),
            };
            let title = format!("[{}] {}", nudge.category, nudge.title);
            self.title(index + 1, &title, &measured, &projected);
            for reason in &nudge.reasons {
                self.paragraph("      ", reason);
            }
            if nudge.change.is_some() {
                let price = match nudge.monthly_charges_change {
                    0.0 => "Same price".to_owned(),
                    change => dollars(change),
                };
                self.paragraph("      ", &format!("{price}."));
            }
        }
        let measured = nudges.iter().find_map(|nudge| nudge.measured);
        let measured = measured.map(|measured| {
            format!(
                "Measured: churn rate with the nudge less that of customers who were offered {}, in points with a 95 % \
                interval; an average over the {} customers of the experiment ({}).",
                measured.control, measured.customers, measured.experiment
            )
        });
        let projected = nudges.iter().any(|nudge| nudge.change.is_some());
        let projected = projected.then(|| {
            "Projected: change of this customer's probability in points, and the probability after the change of plan."
                .to_owned()
        });
        for (index, note) in measured.into_iter().chain(projected).enumerate() {
            if index == 0 {
                self.line("");
            }
            self.paragraph("  ", &note);
        }
    }

    /// A nudge's number and title, with its effects in columns on the first line.
    fn title(&mut self, number: usize, title: &str, measured: &str, projected: &str) {
        let lead = format!("  {number:>2}. ");
        let options = textwrap::Options::new(TITLE)
            .initial_indent(&lead)
            .subsequent_indent("      ");
        for (index, line) in textwrap::wrap(title, options).iter().enumerate() {
            match index {
                0 => self.line(&columns(line, measured, projected)),
                _ => self.line(line),
            }
        }
    }

    fn recourse(&mut self, recourse: &Recourse) {
        self.section("SMALLEST CHANGE THAT HELPS");
        let target = percent(recourse.target_probability);
        let projected = percent(recourse.projected_probability);
        let changes = described(&recourse.changes).join(", ");
        let price = dollars(recourse.monthly_charges_change);
        let text = match (recourse.reachable, recourse.steps) {
            (true, 0) => format!("None is needed: the risk is below {target} already."),
            (true, _) => {
                format!("To get below {target}: {changes}. Expected then: {projected}, {price}.")
            }
            (false, 0) => {
                format!("No change of plan lowers the risk; below {target} is out of reach.")
            }
            (false, _) => {
                format!(
                    "No change of plan gets below {target}. The best: {changes}. Expected then: {projected}, {price}."
                )
            }
        };
        self.paragraph("  ", &text);
    }
}

/// A line of the table of nudges.
fn columns(title: &str, measured: &str, projected: &str) -> String {
    format!("{title:<TITLE$}{measured:>MEASURED$}{projected:>PROJECTED$}")
}

/// A measured effect in percentage points, with half the width of its interval.
fn measured(measured: &Measured) -> String {
    let [low, high] = measured.interval.0;
    let margin = 100.0 * (high - low) / 2.0;
    format!("{} ± {margin:.1}", points(100.0 * measured.effect))
}

/// What a change alters, in words; its price aside.
fn described(change: &PlanChange) -> Vec<String> {
    let mut words = Vec::new();
    words.extend(
        change
            .contract
            .map(|contract| format!("contract {contract}")),
    );
    words.extend(
        change
            .payment_method
            .map(|method| format!("payment by {}", method.name().to_lowercase())),
    );
    words.extend(change.paperless_billing.map(|paperless| {
        if paperless {
            "paperless bills"
        } else {
            "paper bills"
        }
        .to_owned()
    }));
    for (add_on, altered) in change.add_ons() {
        let label = FIELDS[at::ADD_ONS + add_on as usize].label;
        words
            .extend(altered.map(|added| format!("{} {label}", if added { "add" } else { "drop" })));
    }
    words
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// The sign of a number; the minus is U+2212.
fn sign(number: f64) -> char {
    if number < 0.0 { '\u{2212}' } else { '+' }
}

/// Log-odds with their sign.
fn signed(log_odds: f64) -> String {
    format!("{}{:.2}", sign(log_odds), log_odds.abs())
}

/// Percentage points with their sign.
fn points(change: f64) -> String {
    format!("{}{:.1}", sign(change), change.abs())
}

/// A change of the monthly price, with its sign.
fn dollars(change: f64) -> String {
    match change {
        0.0 => "no change in price".to_owned(),
        _ => format!("{}${:.2} a month", sign(change), change.abs()),
    }
}

fn plural(count: f64, noun: &str) -> String {
    if count == 1.0 {
        noun.to_owned()
    } else {
        format!("{noun}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::population;

    #[test]
    fn every_report_is_aligned_and_at_most_80_columns_wide() {
        for customer in population::all().step_by(23) {
            let report = report(customer);
            assert!(
                report.ends_with(".\n") && !report.contains("\n\n\n") && !report.contains('\t')
            );
            for line in report.lines() {
                assert!(line.chars().count() <= WIDTH, "{line}");
                assert_eq!(line.trim_end(), line);
            }
        }
    }

    #[test]
    fn numbers_are_written_as_people_write_them() {
        assert_eq!(signed(-0.123), "\u{2212}0.12");
        assert_eq!(percent(0.6431), "64.3 %");
        assert_eq!(dollars(0.0), "no change in price");
        assert_eq!(dollars(-5.016), "\u{2212}$5.02 a month");
    }
}
