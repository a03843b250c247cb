//! How the verbs that compile a folder read its customers.

use crate::bulk::percentage;
use crate::read::confirmed;
use clap::Args;
use workspace::compile::Intake;

#[derive(Args)]
pub struct IntakeOptions {
    /// Reading of the customers where two are plausible, as the refusal printed it
    #[arg(long = "read", value_name = "KEY:VALUE")]
    confirmed: Vec<String>,
    /// Leave out customers that can't be read if they are at most P of a hundred
    #[arg(long, value_name = "P", value_parser = percentage)]
    tolerated_reject_percentage: Option<f64>,
}

impl IntakeOptions {
    /// # Errors
    /// A reading that is no list of pairs.
    pub fn intake(&self) -> Result<Intake, String> {
        Ok(Intake {
            confirmed: confirmed(&self.confirmed)?,
            tolerated_reject_percentage: self.tolerated_reject_percentage,
        })
    }
}
