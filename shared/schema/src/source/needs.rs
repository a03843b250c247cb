//! What fields need of others.

use super::conditions::condition;
use super::field::WrittenField;
use super::{Compiler, span};
use crate::layout::NeedRecord;
use crate::schema::Schema;

impl Compiler {
    /// What fields need, and an order in which each comes after those that it needs.
    pub(super) fn needs(&mut self, schema: &Schema<'_>, fields: &[WrittenField]) {
        let mut needed: Vec<Vec<usize>> = vec![Vec::new(); fields.len()];
        for (index, field) in fields.iter().enumerate() {
            let start = self.needs.len();
            // That a number needs something is a fault of its own.
            let named = schema.field(index).kind().is_named();
            for (name, value) in field.needs.iter().filter(|_| named) {
                if self.doubts.field(schema, name) {
                    continue;
                }
                match condition(schema, name, value) {
                    Ok(condition) if condition.is_numeric() => {
                        self.fault(
                            &field.entry,
                            format_args!(
                                "`needs`: {name} is a number; only flags and choices can be needed"
                            ),
                        );
                    }
                    Ok(condition) => {
                        needed[index].push(condition.field());
                        let codes = schema.field(condition.field()).codes();
                        let mut allowed = [0; 4];
                        for code in (0..codes).filter(|code| condition.admits(*code as f64)) {
                            allowed[code / 64] |= 1 << (code % 64);
                        }
                        self.needs.push(NeedRecord {
                            field: condition.field() as u32,
                            unused: 0,
                            allowed,
                        });
                    }
                    Err(detail) => self.fault(&field.entry, format_args!("`needs`: {detail}")),
                }
            }
            self.fields[index].needs = span(start, self.needs.len());
        }
        self.order(&needed, fields);
    }

    fn order(&mut self, needed: &[Vec<usize>], fields: &[WrittenField]) {
        let dependent = |index: &usize| !needed[*index].is_empty();
        let mut left: Vec<usize> = (0..fields.len()).filter(dependent).collect();
        while !left.is_empty() {
            let (ready, waiting): (Vec<usize>, Vec<usize>) = left
                .iter()
                .partition(|index| needed[**index].iter().all(|other| !left.contains(other)));
            if ready.is_empty() {
                let names: Vec<&str> = waiting.iter().map(|index| fields[*index].name()).collect();
                self.fault(
                    "schema",
                    format_args!("`needs` go round in a circle: {}", names.join(", ")),
                );
                return;
            }
            self.dependents
                .extend(ready.iter().map(|index| *index as u32));
            left = waiting;
        }
    }
}
