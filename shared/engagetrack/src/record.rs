//! The layout of the embedded population: what `build.rs` writes and [`crate::population`] reads where it lies.

use crate::customer::{CustomerId, Profile};
use crate::encoding::{self, FIELDS, at};
use bytemuck::{Pod, Zeroable};

/// One customer in 88 bytes.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub struct Record {
    monthly_charges: f64,
    /// NaN when never billed.
    total_charges: f64,
    /// The model's calibrated probability, computed by the build.
    pub probability: f64,
    /// Code of every field but the two charges; `u16::MAX` where nothing is known.
    codes: [u16; FIELDS.len()],
    id: [u8; CustomerId::LEN],
    churned: u8,
    padding: [u8; 7],
}

/// How many equal bands of probabilities are told apart.
pub const BANDS: usize = 256;

/// The band that a probability, 0 to 1, falls into.
pub fn band(probability: f64) -> usize {
    ((probability * BANDS as f64) as usize).min(BANDS - 1)
}

impl Record {
    /// Packs a customer; only the build does.
    #[allow(dead_code)]
    pub fn new(id: CustomerId, profile: &Profile, churned: bool, probability: f64) -> Self {
        Self {
            monthly_charges: profile.monthly_charges,
            total_charges: profile.total_charges.unwrap_or(f64::NAN),
            probability,
            codes: encoding::codes(profile)
                .map(|code| if code.is_nan() { u16::MAX } else { code as u16 }),
            id: *id.as_bytes(),
            churned: u8::from(churned),
            padding: [0; 7],
        }
    }

    /// The id's bytes.
    pub fn id(&self) -> &[u8; CustomerId::LEN] {
        &self.id
    }

    /// Whether the customer left.
    pub fn churned(&self) -> bool {
        self.churned != 0
    }

    /// The code of every field, as [`encoding::codes`] gives it.
    pub fn codes(&self) -> [f64; FIELDS.len()] {
        let mut codes = self.codes.map(|code| match code {
            u16::MAX => f64::NAN,
            code => f64::from(code),
        });
        codes[at::MONTHLY_CHARGES] = self.monthly_charges;
        codes[at::TOTAL_CHARGES] = self.total_charges;
        codes
    }
}
