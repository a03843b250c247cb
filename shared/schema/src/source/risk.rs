//! Risk: who is expected to leave, and how urgent a probability is.

use super::entry::Entry;
use super::{Compiler, is_id, label_of};
use crate::layout::LevelRecord;
use serde::Deserialize;
use toml::{Table, Value};

/// The risk as it is written.
pub(super) struct WrittenRisk {
    pub will_churn: f64,
    pub alarms: u32,
    levels: Vec<WrittenLevel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLevel {
    name: String,
    label: Option<String>,
    #[serde(default)]
    from: f64,
}

fn usual_levels() -> Vec<WrittenLevel> {
    let level = |name: &str, from| WrittenLevel {
        name: name.to_owned(),
        label: None,
        from,
    };
    vec![level("low", 0.0), level("medium", 0.5), level("high", 0.75)]
}

impl WrittenRisk {
    pub fn read(value: Option<Value>, faults: &mut Vec<String>) -> Self {
        let table = value.unwrap_or_else(|| Value::Table(Table::new()));
        let mut entry = Entry::new("risk", table);
        let levels = entry.take_list("levels");
        let will_churn = entry.take("will_churn").unwrap_or(0.5);
        let alarms = entry.take("alarms").unwrap_or(2);
        let unread = entry.close(faults);
        // Of levels of which one can't be read, it is not known whether they rise.
        let levels = levels.filter(|_| !unread.has("levels"));
        Self {
            will_churn,
            alarms,
            levels: levels.unwrap_or_else(usual_levels),
        }
    }
}

impl Compiler {
    pub(super) fn risk(&mut self, risk: &WrittenRisk) {
        let before = self.faults.len();
        let probability = |number: f64| 0.0 < number && number < 1.0;
        if !probability(risk.will_churn) {
            self.fault("risk", "`will_churn` must lie between 0 and 1");
        }
        if risk.levels.is_empty() || risk.levels.len() > 16 {
            self.fault("risk", "there must be 1 to 16 `levels`");
        }
        let rising = risk.levels.is_sorted_by(|a, b| a.from < b.from);
        let mut levels = risk.levels.iter();
        let ends = levels.next().is_none_or(|level| level.from == 0.0);
        if !rising || !ends || levels.any(|level| !probability(level.from)) {
            self.fault(
                "risk",
                "`levels` must begin at 0 (where no `from` is needed) and rise, below 1",
            );
        }
        for level in &risk.levels {
            if !is_id(&level.name) {
                self.fault(
                    "risk",
                    format_args!(
                        "the level {:?} must be of lower-case letters, digits and dashes",
                        level.name
                    ),
                );
            }
        }
        match self.faults.len() == before {
            true => self.levels(&risk.levels),
            false => self.levels(&usual_levels()),
        }
    }

    fn levels(&mut self, levels: &[WrittenLevel]) {
        for level in levels {
            let label = level.label.clone().unwrap_or_else(|| label_of(&level.name));
            let record = LevelRecord {
                from: level.from,
                name: self.pool.add(&level.name),
                label: self.pool.add(&label),
            };
            self.levels.push(record);
        }
    }
}
