//! What selections are distributed over, and the bins.

use super::bins::Bins;
use crate::View;
use crate::selection::{MISSING, PERSONA, RISK_LEVEL, STAGE, filter_values, value_of_code};
use schema::words::{UNKNOWN as NOT_KNOWN, sentence_case};
use schema::{Field, FilterParameters, Kind, Schema};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use workspace::customers::Column;

/// The value of a filter.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum FilterValue {
    /// A name.
    Name(String),
    /// A flag.
    Flag(bool),
    /// A number, written without a fraction where it has none.
    Number(#[serde(serialize_with = "plain")] f64),
}

fn plain<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    match *number as i64 {
        whole if whole as f64 == *number => serializer.serialize_i64(whole),
        _ => serializer.serialize_f64(*number),
    }
}

/// Filters by name.
pub type Filter = BTreeMap<String, FilterValue>;

/// One of the bins of a dimension.
#[derive(Debug)]
pub struct Bin {
    /// What is in it, as a person reads it.
    pub label: String,
    /// The filters that select exactly this bin.
    pub filter: Filter,
}

/// Something that selections are distributed over.
#[derive(Debug)]
pub struct Dimension {
    /// Its bins; that of the unknown is the last, and one only where somebody is in it.
    pub bins: Vec<Bin>,
    source: Source,
    /// In which of them the customers are.
    pub of_customers: Bins,
}

/// Whose column is divided.
#[derive(Clone, Copy, Debug)]
enum Source {
    Field(usize),
    Persona,
    Stage,
    RiskLevel,
}

impl Dimension {
    /// All dimensions, in the order in which the schema shows them.
    pub fn all(view: &View<'_>) -> Vec<Self> {
        let names = view.schema.distributions();
        names.filter_map(|name| Self::named(view, name)).collect()
    }

    fn named(view: &View<'_>, name: &str) -> Option<Self> {
        let (source, mut bins, starts) = Source::named(view, name)?;
        let unknown = bins.len();
        let field = source.field(view);
        let column = source.column(view);
        let of_customers = Bins::of(column, |code| {
            let of_code = |field: Field<'_>| value_of_code(field, code as usize) as f64;
            let number = match (column, field) {
                (Column::Codes(_), Some(field)) if !code.is_nan() => of_code(field),
                _ => code,
            };
            bin(&starts, number, unknown) as u16
        });
        if column.has_unknown() {
            bins.push(Bin {
                label: sentence_case(field.map_or(NOT_KNOWN, |field| field.unknown())),
                filter: Filter::from([(MISSING.to_owned(), FilterValue::Name(name.to_owned()))]),
            });
        }
        Some(Self {
            bins,
            source,
            of_customers,
        })
    }

    /// The column that is divided.
    pub fn column<'w>(&self, view: &View<'w>) -> Column<'w> {
        self.source.column(view)
    }

    /// The name of what is divided.
    pub fn name<'w>(&self, view: &View<'w>) -> &'w str {
        match self.source {
            Source::Field(field) => view.schema.field(field).name(),
            Source::Persona => PERSONA,
            Source::Stage => STAGE,
            Source::RiskLevel => RISK_LEVEL,
        }
    }

    /// Its name for people.
    pub fn label<'w>(&self, view: &View<'w>) -> &'w str {
        match self.source {
            Source::Field(field) => view.schema.field(field).label(),
            Source::Persona => "Persona",
            Source::Stage => "Lifecycle stage",
            Source::RiskLevel => "Risk level",
        }
    }

    /// Whether the bins are ranges of a number that a filter bounds; otherwise they are values.
    pub fn is_numeric(&self, view: &View<'_>) -> bool {
        matches!(self.source, Source::Field(field) if !view.schema.field(field).kind().is_named())
    }
}

impl Source {
    /// What has this name, its bins without that of the unknown, and where those after the first begin.
    fn named(view: &View<'_>, name: &str) -> Option<(Self, Vec<Bin>, Vec<f64>)> {
        let schema = &view.schema;
        let (source, bins, starts) = match name {
            PERSONA => {
                let named = schema
                    .personas()
                    .map(|persona| (persona.name, persona.label));
                (Self::Persona, of_names(PERSONA, named), None)
            }
            STAGE => {
                let named = schema.stages().map(|stage| (stage.name, stage.label));
                (Self::Stage, of_names(STAGE, named), None)
            }
            RISK_LEVEL => {
                let named = schema.levels().map(|level| (level.name, level.label));
                let starts = schema.levels().skip(1).map(|level| level.from).collect();
                (Self::RiskLevel, of_names(RISK_LEVEL, named), Some(starts))
            }
            name => {
                let field = schema.find(name)?;
                let source = Self::Field(field.index());
                match field.filter()? {
                    FilterParameters::Values(filter) => (source, of_values(field, filter), None),
                    parameters => {
                        let (bins, starts) = of_ranges(schema, field, parameters);
                        (source, bins, Some(starts))
                    }
                }
            }
        };
        let starts = starts.unwrap_or_else(|| (1..bins.len()).map(|bin| bin as f64).collect());
        (!bins.is_empty()).then_some((source, bins, starts))
    }

    fn field<'w>(self, view: &View<'w>) -> Option<Field<'w>> {
        match self {
            Self::Field(field) => Some(view.schema.field(field)),
            Self::Persona | Self::Stage | Self::RiskLevel => None,
        }
    }

    fn column<'w>(self, view: &View<'w>) -> Column<'w> {
        let customers = &view.customers;
        match self {
            Self::Field(field) => customers.column(field),
            Self::Persona => Column::Codes(customers.personas()),
            Self::Stage => Column::Codes(customers.stages()),
            Self::RiskLevel => Column::Amounts(customers.probabilities()),
        }
    }
}

/// The bin of a number, and that of an unknown one.
fn bin(starts: &[f64], number: f64, unknown: usize) -> usize {
    match number.is_nan() {
        true => unknown,
        false => starts.iter().filter(|start| **start <= number).count(),
    }
}

/// A bin for each value, given name and label.
fn of_names<'w>(filter: &str, values: impl Iterator<Item = (&'w str, &'w str)>) -> Vec<Bin> {
    let bin = |(name, label): (&str, &str)| Bin {
        label: label.to_owned(),
        filter: Filter::from([(filter.to_owned(), FilterValue::Name(name.to_owned()))]),
    };
    values.map(bin).collect()
}

/// A bin for each value of a flag or a choice.
fn of_values(field: Field<'_>, filter: &str) -> Vec<Bin> {
    let labels = field.values().map(|value| value.label());
    let mut bins = of_names(filter, filter_values(field).zip(labels));
    if field.kind() == Kind::Flag {
        for (code, bin) in bins.iter_mut().enumerate() {
            bin.filter = Filter::from([(filter.to_owned(), FilterValue::Flag(code == 1))]);
        }
    }
    bins
}

/// A bin for each range of a number, and where those after the first begin.
fn of_ranges(
    schema: &Schema<'_>,
    field: Field<'_>,
    parameters: FilterParameters<'_>,
) -> (Vec<Bin>, Vec<f64>) {
    let whole = field.kind() == Kind::Whole;
    // Between whole numbers begins what the next of them is in.
    let written = field
        .bins()
        .iter()
        .map(|start| if whole { start.ceil() } else { *start });
    let mut starts: Vec<f64> = written.collect();
    starts.dedup();
    let inner: Vec<f64> = starts.iter().skip(1).copied().collect();
    let ends = inner.iter().copied().map(Some).chain([None]);
    let least = *field.range().start();
    let bins = [least].into_iter().chain(inner.iter().copied()).zip(ends);
    let bins = bins.map(|(start, end)| {
        // Bins are half-open; the filter on whole numbers names the last one inside.
        let last = end.map(|end| if whole { end - 1.0 } else { end });
        let (min, max) = match parameters {
            FilterParameters::Values(name) => (name, name),
            FilterParameters::Whole { min, max } => (min, max),
            FilterParameters::Number { min, below } => (min, below),
        };
        // Everything known is above the least; where nothing else bounds the bin, it keeps the unknown ones out.
        let first = Some(start).filter(|start| *start > least || last.is_none());
        let bounds = [(min, first), (max, last)].into_iter();
        let filter =
            bounds.filter_map(|(name, bound)| Some((name.to_owned(), FilterValue::Number(bound?))));
        Bin {
            label: range_label(schema, field.kind(), least, start, last),
            filter: filter.collect(),
        }
    });
    (bins.collect(), inner)
}

/// The range from one number to another: to a whole one itself, or to below it.
fn range_label(
    schema: &Schema<'_>,
    kind: Kind,
    least: f64,
    start: f64,
    last: Option<f64>,
) -> String {
    let number = |number: f64| match (kind, number < 0.0) {
        (Kind::Money, false) => format!("{}{number}", schema.currency_sign()),
        (Kind::Money, true) => format!("-{}{}", schema.currency_sign(), -number),
        _ => number.to_string(),
    };
    match last {
        Some(last) if kind == Kind::Whole && start == last => number(start),
        Some(last) if kind == Kind::Whole && start == least && least < 0.0 => {
            format!("{} or less", number(last))
        }
        // A dash would be taken for another minus.
        Some(last) if kind == Kind::Whole && start < 0.0 => {
            format!("{} to {}", number(start), number(last))
        }
        Some(last) if kind == Kind::Whole => format!("{}–{}", number(start), number(last)),
        Some(end) if start == least => format!("under {}", number(end)),
        Some(end) => format!("{} to under {}", number(start), number(end)),
        None => format!("{} or more", number(start)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded;

    #[test]
    fn bins_are_labelled_for_people() {
        let live = embedded::live(embedded::whole());
        let labels = |name: &str| -> Vec<String> {
            let dimension = Dimension::named(live.view(), name).unwrap();
            dimension.bins.into_iter().map(|bin| bin.label).collect()
        };
        assert_eq!(
            labels("support_calls"),
            ["0", "1", "2", "3", "4–5", "6 or more"]
        );
        assert_eq!(
            labels("monthly_charges")[..2],
            ["under $20", "$20 to under $40"]
        );
        assert_eq!(labels("monthly_charges")[5], "$100 or more");
        assert_eq!(
            labels("total_charges")[6..],
            ["$6000 or more", "Not billed yet"]
        );
        assert_eq!(labels("persona")[5], "Speed seeker");
        assert_eq!(labels("contract")[0], "Month-to-month");
        assert_eq!(labels("stage")[0], "Onboarding");
        assert_eq!(labels("senior_citizen"), ["No", "Yes"]);
    }

    #[test]
    fn filters_of_bins_have_the_types_of_their_fields() {
        let live = embedded::live(embedded::whole());
        let filters = |name: &str| {
            let dimension = Dimension::named(live.view(), name).unwrap();
            let filters = dimension.bins.iter().map(|bin| &bin.filter);
            serde_json::to_string(&filters.collect::<Vec<_>>()).unwrap()
        };
        assert_eq!(
            filters("senior_citizen"),
            r#"[{"senior_citizen":false},{"senior_citizen":true}]"#
        );
        assert_eq!(
            filters("payment_delay"),
            r#"[{"payment_delay_max":0},{"payment_delay_max":5,"payment_delay_min":1},{"payment_delay_max":15,"payment_delay_min":6},{"payment_delay_max":30,"payment_delay_min":16},{"payment_delay_min":31}]"#
        );
        assert_eq!(filters("variant"), r#"[{"variant":"A"},{"variant":"B"}]"#);
    }

    #[test]
    fn a_number_at_an_edge_is_in_the_bin_that_begins_there() {
        let live = embedded::live(embedded::whole());
        let (_, _, starts) = Source::named(live.view(), "monthly_charges").unwrap();
        for (number, expected) in [
            (0.0, 0),
            (19.99, 0),
            (20.0, 1),
            (39.999, 1),
            (40.0, 2),
            (1e6, 5),
            (f64::NAN, 6),
        ] {
            assert_eq!(bin(&starts, number, 6), expected, "{number}");
        }
    }
}
