//! Experiments: which field holds the arm, which arms there are, and by what the effect is read out.

use super::entry::{Entry, Unread};
use super::{Compiler, is_name, span};
use crate::field::{Field, Kind};
use crate::layout::{ArmRecord, ExperimentRecord};
use crate::schema::Schema;
use std::collections::BTreeSet;

/// Segments that are no fields.
const SEGMENTS: [&str; 3] = ["persona", "stage", "risk_level"];

/// An experiment as it is written.
pub(super) struct WrittenExperiment {
    entry: String,
    name: Option<String>,
    arm: Option<String>,
    arms: Option<Vec<String>>,
    shares: Option<Vec<f64>>,
    segments: Option<Vec<String>>,
    unread: Unread,
}

impl WrittenExperiment {
    pub fn read(mut entry: Entry, faults: &mut Vec<String>) -> Self {
        Self {
            entry: entry.name().to_owned(),
            name: entry.require("name"),
            arm: entry.require("arm"),
            arms: entry.take("arms"),
            shares: entry.take("shares"),
            segments: entry.take("segments"),
            unread: entry.close(faults),
        }
    }
}

impl Compiler {
    pub(super) fn experiments(&mut self, schema: &Schema<'_>, experiments: &[WrittenExperiment]) {
        let mut known = BTreeSet::new();
        for experiment in experiments {
            let before = self.faults.len();
            if let Some(name) = &experiment.name
                && (!is_name(name) || !known.insert(name))
            {
                self.fault(
                    &experiment.entry,
                    "`name` must be of lower-case letters, digits and underscores, and used once",
                );
            }
            let field = self.arm_of(schema, experiment);
            let arms = self.arms_of(field, experiment);
            let segments = self.segments_of(schema, field, experiment);
            let unsure = self.faults.len() > before || experiment.unread.has_any_but(&[]);
            match (field, &experiment.name) {
                (Some(field), Some(name)) if !unsure => {
                    let start = self.arms.len();
                    self.arms.extend(arms);
                    let arms = span(start, self.arms.len());
                    let segments = self.texts(segments.iter().map(String::as_str));
                    let name = self.pool.add(name);
                    self.experiments.push(ExperimentRecord {
                        name,
                        segments,
                        arms,
                        arm: field.index() as u32,
                        unused: 0,
                    });
                }
                (_, name) => self.doubts.experiments.add(name.as_deref()),
            }
        }
    }

    /// The field that holds the arm, unless it or what names it is at fault.
    fn arm_of<'s>(
        &mut self,
        schema: &Schema<'s>,
        experiment: &WrittenExperiment,
    ) -> Option<Field<'s>> {
        let name = experiment.arm.as_deref()?;
        if self.doubts.field(schema, name) {
            return None;
        }
        let field = schema
            .find(name)
            .filter(|field| field.kind() == Kind::Choice);
        if field.is_none() {
            self.fault(
                &experiment.entry,
                format_args!("`arm` must name a choice, got {name:?}"),
            );
        }
        field
    }

    fn arms_of(
        &mut self,
        field: Option<Field<'_>>,
        experiment: &WrittenExperiment,
    ) -> Vec<ArmRecord> {
        let entry = &experiment.entry;
        let all = field.map(|field| {
            let names = field.values().map(|value| value.name().to_owned());
            names.collect::<Vec<String>>()
        });
        let names = match experiment.unread.has("arms") {
            true => None,
            false => experiment.arms.clone().or(all),
        };
        if let Some(shares) = &experiment.shares {
            let whole: f64 = shares.iter().sum();
            if shares.iter().any(|share| !(0.0 < *share && *share < 1.0))
                || (whole - 1.0).abs() > 1e-6
            {
                self.fault(entry, "`shares` must lie between 0 and 1 and add up to 1");
            }
        }
        // Without the names nothing more can be said of the arms.
        let Some(names) = names else {
            return Vec::new();
        };
        let shares = experiment
            .shares
            .clone()
            .unwrap_or_else(|| vec![1.0 / names.len() as f64; names.len()]);
        if names.len() < 2 || shares.len() != names.len() {
            self.fault(
                entry,
                "there must be two `arms` or more, and a share for each",
            );
        }
        for (position, name) in names.iter().enumerate() {
            if names[..position].contains(name) {
                self.fault(entry, format_args!("the arm {name:?} is given twice"));
            }
        }
        let Some(field) = field else {
            return Vec::new();
        };
        let mut arms = Vec::new();
        for (position, name) in names.iter().enumerate() {
            match field.values().find(|value| value.name() == name) {
                Some(value) => arms.push(ArmRecord {
                    share: shares.get(position).copied().unwrap_or_default(),
                    code: value.code() as u32,
                    unused: 0,
                }),
                None => self.fault(
                    entry,
                    format_args!("the arm {name:?} is no value of {}", field.name()),
                ),
            }
        }
        arms
    }

    fn segments_of(
        &mut self,
        schema: &Schema<'_>,
        field: Option<Field<'_>>,
        experiment: &WrittenExperiment,
    ) -> Vec<String> {
        let usual = || {
            let fields = schema
                .fields()
                .filter(|other| other.kind().is_named() && other.filter().is_some());
            let fields =
                fields.filter(|other| field.is_none_or(|field| field.index() != other.index()));
            fields.map(|field| field.name().to_owned()).collect()
        };
        let segments = experiment.segments.clone().unwrap_or_else(usual);
        for segment in &segments {
            let named = schema
                .find(segment)
                .is_some_and(|field| field.kind().is_named() && field.filter().is_some());
            let known = named || SEGMENTS.contains(&segment.as_str());
            if !known && !self.doubts.field(schema, segment) {
                self.fault(
                    &experiment.entry,
                    format_args!("the segment {segment:?} is no flag or choice with a filter"),
                );
            }
        }
        segments
    }
}
