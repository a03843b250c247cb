//! The readout of the embedded experiment for any selection of its users.

use serde::Serialize;
use utoipa::ToSchema;

use super::cuped::{CovariateSums, Cuped, cuped};
use super::effect::{Estimate, Sample, effect};
use super::proportions::{ArmReadout, Counts};
use super::readout::{Experiment, Readout};
use super::settings::Settings;
use crate::customer::Variant;

/// One user of the embedded experiment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation<'a, const DIMENSIONS: usize> {
    /// The arm the user was assigned to: A is control, B the treatment.
    pub variant: Variant,
    /// Whether the user left.
    pub churned: bool,
    /// The model's churn score, known before the experiment; a finite number.
    pub churn_score: f64,
    /// The segment the user is in, by dimension.
    pub segments: [&'a str; DIMENSIONS],
}

/// What users are divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dimension<'a> {
    /// Its name: `contract`.
    pub name: &'a str,
    /// Its values, in the order in which the readout shows them.
    pub values: &'a [&'a str],
}

/// The readout of a selection of the embedded experiment.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SelectionReadout {
    /// Everything the counts say.
    #[serde(flatten)]
    pub readout: Readout,
    /// The same effect with the churn score as covariate; null when an arm is empty.
    pub cuped: Option<Cuped>,
    /// The effect in every segment that occurs in the selection: dimensions and values in the order given.
    pub segments: Vec<SegmentEffect>,
}

/// The effect in one segment.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SegmentEffect {
    /// What the users are divided by: `contract`.
    pub dimension: String,
    /// The part these users are in: `Two year`.
    pub value: String,
    /// The segment's users in control.
    pub control: ArmReadout,
    /// The segment's users in treatment.
    pub treatment: ArmReadout,
    /// Difference of the rates, treatment minus control.
    pub absolute_difference: Estimate,
    /// Difference of the rates over control's rate.
    pub relative_lift: Estimate,
    /// Welch's two-sided p value of the lift; null where the lift has no error.
    pub p_value: Option<f64>,
    /// The p value adjusted over all segments that have one (Benjamini–Hochberg by default).
    pub adjusted_p_value: Option<f64>,
    /// Whether the adjusted p value is below α.
    pub significant: bool,
}

/// The readout of a selection, with the effect in each segment. An empty selection is fine. A segment that its dimension
/// does not name is shown before those that it does.
pub fn read_selection<'a, const DIMENSIONS: usize>(
    observations: impl IntoIterator<Item = Observation<'a, DIMENSIONS>>,
    dimensions: [Dimension<'_>; DIMENSIONS],
    settings: &Settings,
) -> SelectionReadout {
    let mut sums = ByArm::<CovariateSums>::default();
    let mut tallies = [const { Vec::<(&str, ByArm<Counts>)>::new() }; DIMENSIONS];
    let mut shift = None;
    for observation in observations {
        // Measured from the first score: a score that never varies then has a variance of exactly 0.
        let score = observation.churn_score - *shift.get_or_insert(observation.churn_score);
        sums.of(observation.variant).add(observation.churned, score);
        for (tally, segment) in tallies.iter_mut().zip(observation.segments) {
            // A dimension has a handful of values: scanning them is faster than a map.
            let index = tally
                .iter()
                .position(|(value, _)| *value == segment)
                .unwrap_or_else(|| {
                    tally.push((segment, ByArm::default()));
                    tally.len() - 1
                });
            tally[index]
                .1
                .of(observation.variant)
                .add(observation.churned);
        }
    }

    let mut segments = Vec::new();
    for (dimension, mut tally) in dimensions.into_iter().zip(tallies) {
        tally.sort_by_key(|(value, _)| dimension.values.iter().position(|named| named == value));
        segments.extend(
            tally
                .into_iter()
                .map(|(value, counts)| SegmentEffect::new(dimension.name, value, counts, settings)),
        );
    }
    adjust_p_values(&mut segments, settings);

    SelectionReadout {
        readout: Experiment {
            control: sums.control.counts,
            treatment: sums.treatment.counts,
            settings: *settings,
        }
        .readout(),
        cuped: cuped(sums.control, sums.treatment, settings),
        segments,
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct ByArm<T> {
    control: T,
    treatment: T,
}

impl<T> ByArm<T> {
    fn of(&mut self, variant: Variant) -> &mut T {
        match variant {
            Variant::A => &mut self.control,
            Variant::B => &mut self.treatment,
        }
    }
}

impl SegmentEffect {
    fn new(dimension: &str, value: &str, counts: ByArm<Counts>, settings: &Settings) -> Self {
        let effect = effect(
            Sample::of_counts(counts.control),
            Sample::of_counts(counts.treatment),
            settings,
        );
        Self {
            dimension: dimension.to_owned(),
            value: value.to_owned(),
            control: ArmReadout::new(counts.control, settings.alpha),
            treatment: ArmReadout::new(counts.treatment, settings.alpha),
            absolute_difference: effect.absolute_difference,
            relative_lift: effect.relative_lift,
            p_value: effect.frequentist.map(|frequentist| frequentist.p_value),
            adjusted_p_value: None,
            significant: false,
        }
    }
}

/// Adjusts over the segments that have a p value; the others cannot be false positives.
fn adjust_p_values(segments: &mut [SegmentEffect], settings: &Settings) {
    let p_values: Vec<f64> = segments
        .iter()
        .filter_map(|segment| segment.p_value)
        .collect();
    let adjusted = settings.correction.adjust(&p_values);
    let tested = segments
        .iter_mut()
        .filter(|segment| segment.p_value.is_some());
    for (segment, adjusted) in tested.zip(adjusted) {
        segment.adjusted_p_value = Some(adjusted);
        segment.significant = adjusted < settings.alpha;
    }
}
