//! Reads out an experiment for any selection of its users.

use serde::Serialize;
use utoipa::ToSchema;

use crate::cuped::{CovariateSums, Cuped, cuped};
use crate::effect::{Estimate, Sample, effect};
use crate::heterogeneity::{DimensionEffect, Measurement};
use crate::proportions::{ArmReadout, Counts};
use crate::readout::{Experiment, Readout};
use crate::settings::ReadoutSettings;

/// The arm a user was assigned to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assignment {
    /// The arm that keeps things as they were.
    Control,
    /// The arm that tries something new.
    Treatment,
}

/// One user of an experiment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation<S> {
    /// The user's arm.
    pub assignment: Assignment,
    /// Whether the user converted.
    pub converted: bool,
    /// What was known of the user before the experiment and foretells the outcome; a finite number.
    pub covariate: f64,
    /// The user's segment in each segmentation, in their order: an index into [`Segmentation::values`]. An index beyond
    /// them is no segment.
    pub segments: S,
}

/// One way to divide users into segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segmentation<'a> {
    /// What divides them: `plan`.
    pub name: &'a str,
    /// The segments' names, in the order in which the readout shows them.
    pub values: Vec<&'a str>,
}

/// The readout of a selection of an experiment's users.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SelectionReadout {
    /// Everything the counts say.
    #[serde(flatten)]
    pub readout: Readout,
    /// The same effect adjusted by the covariate; null when an arm is empty.
    pub cuped: Option<Cuped>,
    /// The effect in every segment that has users in the selection.
    pub segments: Vec<SegmentEffect>,
    /// Whether the effect differs between the segments of each dimension, in their order.
    pub dimensions: Vec<DimensionEffect>,
}

/// The effect in one segment.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SegmentEffect {
    /// What the users are divided by: `plan`.
    pub dimension: String,
    /// The part these users are in: `yearly`.
    pub value: String,
    /// The segment's users in control.
    pub control: ArmReadout,
    /// The segment's users in treatment.
    pub treatment: ArmReadout,
    /// Difference of the rates, treatment minus control.
    pub absolute_difference: Estimate,
    /// The difference, shrunken towards the mean of the dimension's segments by as much of its deviation as chance explains. Null
    /// where the segment is not compared, for it or all but it have too few users.
    pub shrunken_difference: Option<Estimate>,
    /// Difference of the rates over control's rate.
    pub relative_lift: Estimate,
    /// Welch's two-sided p value of the lift; null where the lift has no error.
    pub p_value: Option<f64>,
    /// The p value adjusted over all segments that have one (Benjamini–Hochberg by default).
    pub adjusted_p_value: Option<f64>,
    /// Whether the adjusted p value is below α.
    pub significant: bool,
}

/// Reads out a selection, with the effect in each segment that has users. The selection may be empty.
pub fn read_selection<S: IntoIterator<Item = usize>>(
    observations: impl IntoIterator<Item = Observation<S>>,
    segmentations: &[Segmentation<'_>],
    settings: &ReadoutSettings,
) -> SelectionReadout {
    let mut sums = ByArm::<CovariateSums>::default();
    let mut tallies: Vec<_> = segmentations
        .iter()
        .map(|segmentation| vec![ByArm::<Counts>::default(); segmentation.values.len()])
        .collect();
    let mut shift = None;
    for observation in observations {
        let Observation {
            assignment,
            converted,
            covariate,
            segments,
        } = observation;
        // Measured from the first covariate: one that never varies then has a variance of exactly 0.
        let covariate = covariate - *shift.get_or_insert(covariate);
        sums.of(assignment).add(converted, covariate);
        for (tally, segment) in tallies.iter_mut().zip(segments) {
            if let Some(counts) = tally.get_mut(segment) {
                counts.of(assignment).add(converted);
            }
        }
    }

    let mut segments = Vec::new();
    let mut dimensions = Vec::new();
    for (segmentation, tally) in segmentations.iter().zip(tallies) {
        let measured = tally
            .iter()
            .filter_map(|counts| Measurement::of_counts(counts.control, counts.treatment));
        let dimension = DimensionEffect::new(segmentation.name, measured);
        let segments_of_users = segmentation
            .values
            .iter()
            .zip(tally)
            .filter(|(_, counts)| counts.control.users + counts.treatment.users > 0);
        segments.extend(
            segments_of_users
                .map(|(value, counts)| SegmentEffect::new(&dimension, value, counts, settings)),
        );
        dimensions.push(dimension);
    }
    adjust_p_values(&mut segments, settings);
    DimensionEffect::adjust(&mut dimensions, settings);

    SelectionReadout {
        readout: Experiment {
            control: sums.control.counts,
            treatment: sums.treatment.counts,
            settings: *settings,
        }
        .readout(),
        cuped: cuped(sums.control, sums.treatment, settings),
        segments,
        dimensions,
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct ByArm<T> {
    control: T,
    treatment: T,
}

impl<T> ByArm<T> {
    fn of(&mut self, assignment: Assignment) -> &mut T {
        match assignment {
            Assignment::Control => &mut self.control,
            Assignment::Treatment => &mut self.treatment,
        }
    }
}

impl SegmentEffect {
    fn new(
        dimension: &DimensionEffect,
        value: &str,
        counts: ByArm<Counts>,
        settings: &ReadoutSettings,
    ) -> Self {
        let effect = effect(
            Sample::of_counts(counts.control),
            Sample::of_counts(counts.treatment),
            settings,
        );
        let measured = Measurement::of_counts(counts.control, counts.treatment);
        let shrunken = |[points, _]: [Measurement; 2]| {
            Some(dimension.points?.shrunken(points, settings.alpha))
        };
        Self {
            dimension: dimension.dimension.clone(),
            value: value.to_owned(),
            control: ArmReadout::new(counts.control, settings.alpha),
            treatment: ArmReadout::new(counts.treatment, settings.alpha),
            absolute_difference: effect.absolute_difference,
            shrunken_difference: measured.and_then(shrunken),
            relative_lift: effect.relative_lift,
            p_value: effect.frequentist.map(|frequentist| frequentist.p_value),
            adjusted_p_value: None,
            significant: false,
        }
    }
}

/// Adjusts over the segments that have a p value; the others cannot be false positives.
fn adjust_p_values(segments: &mut [SegmentEffect], settings: &ReadoutSettings) {
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
