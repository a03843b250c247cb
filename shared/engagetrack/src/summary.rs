//! All that is known of one customer, as data and as a report that a person would forward.

use crate::View;
use crate::explanation::{self, Explanation};
use crate::measured::Measured;
use crate::movement::RiskChange;
use crate::nudges::{self, Nudge};
use crate::prediction::{self, Prediction, Status};
use crate::recourse::{Altered, Recourse};
use crate::vocabulary::{self, Keyed};
use schema::words::{UNKNOWN, phrase_of};
use schema::{About, Field, Kind, Profile, Schema};
use serde::Serialize;
use utoipa::ToSchema;
use workspace::Movement;

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
/// In place of an effect that a nudge does not have.
const NONE: &str = "\u{2013}";
/// How many contributions a report shows before it sums up the others.
const CONTRIBUTIONS: usize = 9;

/// A persona with its name and what characterises it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PersonaCard<'w> {
    /// Which one.
    #[schema(value_type = vocabulary::Persona)]
    pub id: &'w str,
    /// Its name.
    pub name: &'w str,
    /// One sentence on what characterises it.
    pub description: &'w str,
}

/// All that is known of one customer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Summary<'w> {
    /// The id.
    pub customer_id: &'w str,
    /// The profile.
    #[schema(value_type = vocabulary::Profile)]
    pub profile: ProfileMember<'w>,
    /// Whether the customer left, if that is known.
    #[serde(flatten)]
    #[schema(value_type = vocabulary::OutcomeMember)]
    pub outcome: Keyed<'w, Option<bool>>,
    /// `left` for customers who left, otherwise `active`.
    pub status: Status,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub prediction: Prediction<'w>,
    /// What changed about the risk, where there is a previous workspace.
    #[serde(flatten)]
    #[schema(value_type = vocabulary::RiskChange)]
    pub risk_change: Option<RiskChange>,
    /// The persona, where the schema has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persona: Option<PersonaCard<'w>>,
    /// The lifecycle stage, where the schema has any.
    #[schema(value_type = Option<vocabulary::Stage>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<&'w str>,
    /// Whether the customer is at risk.
    pub at_risk: bool,
    /// Why the model expects it.
    pub explanation: Explanation<'w>,
    /// What to do, best first.
    pub nudges: Vec<Nudge<'w>>,
    /// The smallest change of plan that brings the risk under the threshold.
    pub recourse: Recourse<'w>,
    /// What a projected probability is, and what it is not.
    pub note: &'static str,
    /// The date of the data, `YYYY-MM-DD`.
    pub data_date: &'w str,
}

/// A profile with the schema that says how it is written.
#[derive(Clone)]
pub struct ProfileMember<'w> {
    schema: Schema<'w>,
    profile: Profile,
}

impl<'w> ProfileMember<'w> {
    /// A profile as a member of an answer.
    pub fn new(view: &View<'w>, profile: Profile) -> Self {
        Self {
            schema: view.schema,
            profile,
        }
    }
}

impl std::fmt::Debug for ProfileMember<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.profile.fmt(f)
    }
}

impl Serialize for ProfileMember<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.schema.json(&self.profile).serialize(serializer)
    }
}

impl<'w> Summary<'w> {
    /// Sums up the customer at a position.
    pub fn of(view: &'w View<'w>, customer: usize) -> Self {
        let profile = view.profile(customer);
        let codes = profile.codes();
        let schema = &view.schema;
        let prediction = prediction::predict(view, codes);
        let advice = nudges::Request::default().advice(view, &profile);
        let left = view.customers.outcome(customer).left();
        let persona = schema
            .persona_of(codes)
            .and_then(|position| schema.personas().nth(position));
        Self {
            customer_id: view.customers.id(customer),
            outcome: Keyed::new(schema.outcome_name(), left),
            status: Status::of_outcome(left),
            persona: persona.map(|persona| PersonaCard {
                id: persona.name,
                name: persona.label,
                description: persona.description,
            }),
            stage: schema
                .stage_of(codes)
                .and_then(|position| schema.stages().nth(position))
                .map(|stage| stage.name),
            at_risk: schema.at_risk(codes, prediction.probability),
            explanation: explanation::explain(view, codes),
            nudges: advice.nudges,
            recourse: advice.recourse,
            note: advice.note,
            data_date: schema.as_of(),
            risk_change: RiskChange::of(view, customer),
            prediction,
            profile: ProfileMember::new(view, profile),
        }
    }
}

/// The report on the customer at a position: plain text in UTF-8, at most 80 columns, ends with a newline.
pub fn report<'w>(view: &'w View<'w>, customer: usize) -> String {
    let summary = Summary::of(view, customer);
    let profile = view.profile(customer);
    let mut report = Report {
        schema: view.schema,
        text: String::new(),
    };
    report.line(&format!("CUSTOMER SUMMARY  {}", summary.customer_id));
    report.line(&"=".repeat(WIDTH));
    report.plan(&profile);
    report.behaviour(&summary, &profile);
    report.risk(&summary);
    report.risk_change(view, customer);
    report.reasons(&summary.explanation);
    report.nudges(&summary.nudges);
    report.recourse(&summary.recourse);
    report.line("");
    report.line(&"-".repeat(WIDTH));
    report.paragraph("", summary.note);
    report.paragraph("", view.schema.note());
    report.line(&format!(
        "Model {}, data of {}. EngageTrack AI.",
        view.model.version(),
        view.schema.as_of()
    ));
    report.text
}

/// A report as far as it is written.
struct Report<'w> {
    schema: Schema<'w>,
    text: String,
}

impl<'w> Report<'w> {
    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn section(&mut self, title: &str) {
        self.line("");
        self.line(title);
    }

    /// A label and its value, on one line.
    fn entry(&mut self, label: &str, value: &str) {
        self.line(&format!("  {label:<LABEL$}{value}"));
    }

    /// Text after a bullet or an indent, wrapped; further lines are indented like the first.
    fn paragraph(&mut self, lead: &str, text: &str) {
        let rest = " ".repeat(lead.chars().count());
        let options = textwrap::Options::new(WIDTH)
            .initial_indent(lead)
            .subsequent_indent(&rest);
        for line in textwrap::wrap(text, options) {
            self.line(&line);
        }
    }

    /// The fields about any of these, with their values.
    fn fields(&mut self, profile: &Profile, about: &[About]) {
        let schema = self.schema;
        for field in schema
            .fields()
            .filter(|field| about.contains(&field.about()))
        {
            let code = profile.code(field.index());
            let value = match field.kind() {
                // The label of behaviour says what is counted.
                Kind::Whole | Kind::Number
                    if !code.is_nan() && field.about() != About::Behaviour =>
                {
                    field.counted(code)
                }
                _ => schema.spoken(field, code).into_owned(),
            };
            self.entry(field.label(), &value);
        }
    }

    fn plan(&mut self, profile: &Profile) {
        self.section("PLAN");
        self.fields(profile, &[About::Person, About::Plan, About::Money]);
    }

    fn behaviour(&mut self, summary: &Summary<'_>, profile: &Profile) {
        self.section("BEHAVIOUR");
        self.fields(profile, &[About::Behaviour]);
        if let Some(persona) = summary.persona {
            self.entry("Persona", persona.name);
            self.paragraph(&" ".repeat(LABEL + 2), persona.description);
        }
        let stage = |name| self.schema.stages().find(|stage| stage.name == name);
        if let Some(stage) = summary.stage.and_then(stage) {
            self.entry("Lifecycle stage", &phrase_of(stage.label));
        }
        self.entry("At risk", if summary.at_risk { "yes" } else { "no" });
        let schema = self.schema;
        for field in schema
            .fields()
            .filter(|field| field.about() == About::Experiment)
        {
            let arm = match field.value(profile.code(field.index())) {
                Some(value) => value.label(),
                None if field.unknown() == UNKNOWN => "none",
                None => field.unknown(),
            };
            self.entry(&format!("Experiment {}", field.phrase()), arm);
        }
        self.entry("Status", summary.status.name());
    }

    fn risk(&mut self, summary: &Summary<'_>) {
        self.section("CHURN RISK");
        let prediction = &summary.prediction;
        self.entry("Probability of leaving", &percent(prediction.probability));
        self.entry("Risk level", &phrase_of(prediction.risk_level.label));
        self.entry(
            "Customers with a lower risk",
            &format!("{:.1} %", prediction.percentile),
        );
        self.entry(
            "Average customer in training",
            &percent(prediction.base_rate),
        );
    }

    /// A sentence on what changed since the previous workspace, where there is one.
    fn risk_change(&mut self, view: &View<'_>, customer: usize) {
        let Some(previous) = &view.previous else {
            return;
        };
        let as_of = previous.as_of();
        let Some(former) = previous.probability(customer) else {
            self.paragraph(
                "  ",
                &format!("The data of {as_of} did not have the customer."),
            );
            return;
        };
        let change = 100.0 * (view.customers.probability(customer) - former);
        let verb = if change < 0.0 { "fell" } else { "rose" };
        let probability = match change.abs() {
            0.0 => "has not changed".to_owned(),
            0.0..0.05 => "changed by less than 0.1 points".to_owned(),
            points => format!("{verb} by {points:.1} points from {}", percent(former)),
        };
        let mut text = format!("Since the data of {as_of} the probability {probability}");
        let level = self.schema.level(former).name;
        text += &match previous.movement(customer) {
            Movement::Up => format!(", and the risk level rose from {level}."),
            Movement::Down => format!(", and the risk level fell from {level}."),
            Movement::Same | Movement::New => ".".to_owned(),
        };
        if view.model_changed() {
            text += " Another model gave the former probability, so this is not a change of the customer alone.";
        }
        self.paragraph("  ", &text);
    }

    fn reasons(&mut self, explanation: &Explanation<'_>) {
        self.section("WHY (contributions in log-odds; + raises the risk)");
        self.paragraph("  ", &explanation.sentence);
        let shown = CONTRIBUTIONS.min(explanation.contributions.len());
        let (shown, others) = explanation.contributions.split_at(shown);
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
        match others.len() {
            0 => {}
            1 => self.entry("1 other feature", &signed(others_sum)),
            more => self.entry(&format!("{more} other features"), &signed(others_sum)),
        }
        self.entry(
            "Sum",
            &format!(
                "{} = {}",
                signed(explanation.prediction_value),
                percent(explanation.probability)
            ),
        );
    }

    fn nudges(&mut self, nudges: &[Nudge<'_>]) {
        let head = columns("WHAT TO DO", "MEASURED", "PROJECTED");
        self.section(&head);
        for (index, nudge) in nudges.iter().enumerate() {
            let measured = nudge.measured.as_ref().map_or(NONE.to_owned(), measured);
            let projected = match &nudge.change {
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
                let price = match *nudge.recurring_change.value() {
                    0.0 => "Same price".to_owned(),
                    change => self.price(change),
                };
                self.paragraph("      ", &format!("{price}."));
            }
        }
        let mut notes: Vec<String> = Vec::new();
        for measured in nudges.iter().filter_map(|nudge| nudge.measured.as_ref()) {
            let source = match (measured.experiment, measured.campaign) {
                (Some(experiment), _) => format!("experiment ({experiment})"),
                (None, campaign) => format!("campaign ({})", campaign.unwrap_or_default()),
            };
            let note = format!(
                "Measured: churn rate with the nudge less that of customers who were offered {}, in points with a 95 % \
                interval; an average over the {} customers of the {source}.",
                measured.control, measured.customers
            );
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        let projected = nudges.iter().any(|nudge| nudge.change.is_some());
        let projected = projected.then(|| {
            "Projected: change of this customer's probability in points, and the probability after the change of plan."
                .to_owned()
        });
        for (index, note) in notes.into_iter().chain(projected).enumerate() {
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

    fn recourse(&mut self, recourse: &Recourse<'_>) {
        self.section("SMALLEST CHANGE THAT HELPS");
        let target = percent(recourse.target_probability);
        let projected = percent(recourse.projected_probability);
        let changes = self.described(&recourse.changes).join(", ");
        let price = self.price(*recourse.recurring_change.value());
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

    /// What a change alters, in words; its price aside.
    fn described(&self, altered: &Altered<'_>) -> Vec<String> {
        let roles = self.schema.roles();
        let charges = [roles.recurring, roles.lifetime];
        let codes = altered
            .change
            .codes()
            .filter(|(field, _)| !charges.contains(&Some(*field)));
        let described = |(field, code): (usize, f64)| {
            let field: Field<'w> = self.schema.field(field);
            match field.kind() {
                Kind::Flag if field.priced() => {
                    let verb = if code == 1.0 { "add" } else { "drop" };
                    format!("{verb} {}", field.phrase())
                }
                _ => self.schema.words(field, code).into_owned(),
            }
        };
        codes.map(described).collect()
    }

    /// A change of the recurring amount with its sign, such as `+$5.02 a month`.
    fn price(&self, change: f64) -> String {
        if change == 0.0 {
            return "no change in price".to_owned();
        }
        let amount = [sign(change).to_string(), self.schema.money(change.abs())].concat();
        let recurring = self
            .schema
            .roles()
            .recurring
            .map(|field| self.schema.field(field));
        recurring.map_or(amount.clone(), |field| {
            field.template().replace("{value}", &amount)
        })
    }
}

/// A line of the table of nudges.
fn columns(title: &str, measured: &str, projected: &str) -> String {
    format!("{title:<TITLE$}{measured:>MEASURED$}{projected:>PROJECTED$}")
}

/// A measured effect in percentage points, with half the width of its interval.
fn measured(measured: &Measured<'_>) -> String {
    let [low, high] = measured.interval.0;
    let margin = 100.0 * (high - low) / 2.0;
    format!("{} ± {margin:.1}", points(100.0 * measured.effect))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shipped::view;

    #[test]
    fn every_report_is_aligned_and_at_most_80_columns_wide() {
        for customer in (0..view().customers.len()).step_by(23) {
            let report = report(view(), customer);
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
    fn the_rest_of_the_features_is_summed_where_there_is_any() {
        let explanation = explanation::explain(view(), view().profile(0).codes());
        let with = |count: usize| {
            let mut explanation = explanation.clone();
            explanation.contributions.truncate(count);
            let mut report = Report {
                schema: view().schema,
                text: String::new(),
            };
            report.reasons(&explanation);
            report.text
        };
        assert!(!with(CONTRIBUTIONS).contains(" other feature"));
        assert!(with(CONTRIBUTIONS + 1).contains("  1 other feature  "));
        assert!(with(CONTRIBUTIONS + 2).contains("  2 other features  "));
    }

    #[test]
    fn numbers_are_written_as_people_write_them() {
        assert_eq!(signed(-0.123), "\u{2212}0.12");
        assert_eq!(percent(0.6431), "64.3 %");
        let report = Report {
            schema: view().schema,
            text: String::new(),
        };
        assert_eq!(report.price(0.0), "no change in price");
        assert_eq!(report.price(-5.016), "\u{2212}$5.02 a month");
    }
}
