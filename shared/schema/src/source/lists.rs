//! The columns of the directory and the distributions of the analytics.

use super::Compiler;
use super::field::WrittenField;
use super::head::WrittenHead;
use crate::field::Field;
use crate::layout::{self, Head};
use crate::schema::Schema;

impl Compiler {
    pub(super) fn lists(
        &mut self,
        schema: &Schema<'_>,
        written: &WrittenHead,
        fields: &[WrittenField],
        head: &mut Head,
    ) {
        let listed = || {
            let listed = fields.iter().filter(|field| field.list);
            listed.filter_map(|field| field.name.clone()).collect()
        };
        let list: Vec<String> = written.list.clone().unwrap_or_else(listed);
        for name in &list {
            match schema.find(name) {
                Some(field) => self.fields[field.index()].bits |= layout::LISTED,
                None if self.doubts.field(schema, name) => {}
                None => self.fault("schema", format_args!("`list`: {name:?} is no field")),
            }
        }
        head.list = self.texts(list.iter().map(String::as_str));
        let distributions = self.distributions(schema, written, head.personas as usize);
        head.distributions = self.texts(distributions.iter().map(String::as_str));
    }

    fn distributions(
        &mut self,
        schema: &Schema<'_>,
        written: &WrittenHead,
        personas: usize,
    ) -> Vec<String> {
        let can_be = |field: &Field<'_>| {
            field.filter().is_some() && (field.kind().is_named() || !field.bins().is_empty())
        };
        let of_rules = [
            ("persona", personas > 0 || self.doubts.personas.unnamed()),
            (
                "stage",
                self.personas.len() > personas || self.doubts.stages.unnamed(),
            ),
            ("risk_level", true),
        ];
        let mut of_rules: Vec<&str> = of_rules
            .into_iter()
            .filter_map(|(name, given)| given.then_some(name))
            .collect();
        let Some(distributions) = written.distributions.clone() else {
            let fields = schema.fields().filter(can_be).map(|field| field.name());
            let all = fields.chain(of_rules.drain(..));
            return all.map(str::to_owned).collect();
        };
        for name in &distributions {
            let fits = schema.find(name).is_some_and(|field| can_be(&field));
            if !fits && !of_rules.contains(&name.as_str()) && !self.doubts.field(schema, name) {
                self.fault(
                    "schema",
                    format_args!("`distributions`: {name:?} is no field with a filter and values or bins, nor persona, stage or risk_level"),
                );
            }
        }
        distributions
    }
}
