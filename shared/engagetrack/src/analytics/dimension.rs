//! The fields over which selections are distributed, and their bins.

use crate::encoding::{FIELDS, Kind, at};
use crate::lifecycle::Persona;
use crate::selection::{CHOICES, MISSING, RANGES, Traits, choice_index};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The value of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum FilterValue {
    /// A name.
    Name(&'static str),
    /// A number, written without a fraction where it has none.
    Number(#[serde(serialize_with = "plain")] f64),
}

fn plain<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    match number.fract() == 0.0 {
        true => serializer.serialize_u64(*number as u64),
        false => serializer.serialize_f64(*number),
    }
}

/// Filters by name.
pub type Filter = BTreeMap<&'static str, FilterValue>;

/// A field over which selections are distributed.
pub struct Dimension {
    /// The field.
    pub field: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// Its bins; the last is for those who lack the field.
    pub bins: Vec<Bin>,
    source: Source,
}

/// One of the bins of a dimension.
pub struct Bin {
    /// What is in it, as a person reads it.
    pub label: String,
    /// The filters that select exactly this bin.
    pub filter: Filter,
}

/// Where a dimension finds its bin among the traits.
enum Source {
    /// A code among the choices.
    Choice(usize),
    /// A number among the amounts, with the smallest of each bin; the first takes all below the second.
    Amount(usize, &'static [f64]),
}

/// All dimensions, in the order in which they are shown. The bins of behaviour begin where the warning signs of
/// [`crate::lifecycle`] do.
pub fn all() -> Vec<Dimension> {
    vec![
        Dimension::of_range(at::USAGE_FREQUENCY, &[0.0, 5.0, 10.0, 15.0, 20.0, 25.0]),
        Dimension::of_range(at::PAYMENT_DELAY, &[0.0, 1.0, 6.0, 16.0, 31.0]),
        Dimension::of_range(at::SUPPORT_CALLS, &[0.0, 1.0, 2.0, 3.0, 4.0, 6.0]),
        Dimension::of_choice("contract", "Contract"),
        Dimension::of_range(
            at::TENURE_MONTHS,
            &[0.0, 4.0, 7.0, 13.0, 25.0, 37.0, 49.0, 61.0],
        ),
        Dimension::of_range(at::MONTHLY_CHARGES, &[0.0, 20.0, 40.0, 60.0, 80.0, 100.0]),
        Dimension::of_range(
            at::TOTAL_CHARGES,
            &[0.0, 100.0, 500.0, 1_000.0, 2_000.0, 4_000.0, 6_000.0],
        ),
        Dimension::of_choice("internet_service", "Internet service"),
        Dimension::of_choice("payment_method", "Payment method"),
        Dimension::of_choice("persona", "Persona"),
        Dimension::of_choice("stage", "Lifecycle stage"),
        Dimension::of_choice("risk_level", "Risk level"),
        Dimension::of_choice("variant", "Variant"),
    ]
}

impl Dimension {
    fn of_choice(field: &'static str, label: &'static str) -> Self {
        let index = choice_index(field);
        let bins = CHOICES[index].values.iter().map(|value| Bin {
            label: spoken(value),
            filter: Filter::from([(field, FilterValue::Name(value))]),
        });
        let bins = bins.chain([unknown(field)]).collect();
        Self {
            field,
            label,
            bins,
            source: Source::Choice(index),
        }
    }

    fn of_range(position: usize, starts: &'static [f64]) -> Self {
        let index = RANGES.iter().position(|filter| filter.position == position);
        let index = index.expect("every dimension of numbers has its filter");
        let field = &FIELDS[position];
        let ends = starts[1..].iter().copied().map(Some).chain([None]);
        let bins = starts.iter().zip(ends).map(|(start, end)| {
            let start = Some(*start).filter(|start| *start > 0.0);
            range_bin(index, start, end)
        });
        let bins = bins.chain([unknown(field.name)]).collect();
        Self {
            field: field.name,
            label: field.label,
            bins,
            source: Source::Amount(index, starts),
        }
    }

    /// Whether the bins are ranges of a number.
    pub fn is_numeric(&self) -> bool {
        matches!(self.source, Source::Amount(..))
    }

    /// The bin in which a customer with these traits is.
    pub fn bin(&self, traits: &Traits) -> usize {
        let unknown = self.bins.len() - 1;
        match self.source {
            Source::Choice(index) if traits.choices[index] == Traits::NONE => unknown,
            Source::Choice(index) => usize::from(traits.choices[index]),
            Source::Amount(index, _) if traits.amounts[index].is_nan() => unknown,
            Source::Amount(index, starts) => {
                let amount = traits.amounts[index];
                starts[1..].partition_point(|start| *start <= amount)
            }
        }
    }
}

/// The bin from one number to below another, where there is one.
fn range_bin(index: usize, start: Option<f64>, end: Option<f64>) -> Bin {
    let range = &RANGES[index];
    let whole = matches!(FIELDS[range.position].kind, Kind::Whole(_));
    // Bins are half-open; the filter on whole numbers names the last one inside.
    let last = end.map(|end| if whole { end - 1.0 } else { end });
    let bounds = [(range.min, start), (range.end, last)];
    let filter = bounds
        .into_iter()
        .filter_map(|(name, number)| Some((name, FilterValue::Number(number?))))
        .collect();
    let label = match (start.unwrap_or(0.0), last) {
        (start, Some(last)) if whole && start == last => format!("{start}"),
        (start, Some(last)) if whole => format!("{start}–{last}"),
        (start, None) if whole => format!("{start} or more"),
        (0.0, Some(end)) => format!("under ${end}"),
        (start, Some(end)) => format!("${start} to under ${end}"),
        (start, None) => format!("${start} or more"),
    };
    Bin { label, filter }
}

fn unknown(field: &'static str) -> Bin {
    Bin {
        label: "Unknown".to_owned(),
        filter: Filter::from([(MISSING, FilterValue::Name(field))]),
    }
}

/// A value's name as a label: those of our own, such as `speed-seeker`, in words.
fn spoken(name: &str) -> String {
    if let Some(persona) = Persona::from_name(name) {
        return persona.card().name.to_owned();
    }
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(field: &str) -> Vec<String> {
        let all = all();
        let dimension = all
            .iter()
            .find(|dimension| dimension.field == field)
            .unwrap();
        dimension.bins.iter().map(|bin| bin.label.clone()).collect()
    }

    #[test]
    fn bins_are_labelled_for_people() {
        assert_eq!(
            labels("support_calls"),
            ["0", "1", "2", "3", "4–5", "6 or more", "Unknown"]
        );
        assert_eq!(
            labels("monthly_charges")[..2],
            ["under $20", "$20 to under $40"]
        );
        assert_eq!(labels("monthly_charges")[5], "$100 or more");
        assert_eq!(labels("persona")[5], "Speed seeker");
        assert_eq!(labels("contract")[0], "Month-to-month");
        assert_eq!(labels("stage")[0], "Onboarding");
    }

    #[test]
    fn a_value_at_an_edge_is_in_the_bin_that_begins_there() {
        let dimension = Dimension::of_range(at::MONTHLY_CHARGES, &[0.0, 20.0, 40.0]);
        let mut traits = Traits::of(crate::population::all().next().unwrap());
        for (amount, bin) in [
            (0.0, 0),
            (19.99, 0),
            (20.0, 1),
            (39.999, 1),
            (40.0, 2),
            (1e6, 2),
            (f64::NAN, 3),
        ] {
            let index = RANGES
                .iter()
                .position(|range| range.position == at::MONTHLY_CHARGES)
                .unwrap();
            traits.amounts[index] = amount;
            assert_eq!(dimension.bin(&traits), bin, "{amount}");
        }
    }
}
