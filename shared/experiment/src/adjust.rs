//! Adjusts p values for a family of comparisons.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How the p values of a family of comparisons are adjusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    /// Step-up, controls the false discovery rate.
    #[default]
    BenjaminiHochberg,
    /// Step-down, controls the chance of a single false positive in the family.
    Holm,
}

impl Correction {
    /// The adjusted p values, in the order given, each in 0..=1. Agrees with statsmodels' `multipletests` methods
    /// `fdr_bh` and `holm`. The p values must be numbers in 0..=1.
    #[must_use]
    pub fn adjust(self, p_values: &[f64]) -> Vec<f64> {
        let family = p_values.len();
        let mut ascending: Vec<usize> = (0..family).collect();
        ascending.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));

        let mut adjusted = vec![1.0; family];
        match self {
            Self::BenjaminiHochberg => {
                let mut smallest_so_far: f64 = 1.0;
                for (below, &index) in ascending.iter().enumerate().rev() {
                    let scaled = p_values[index] * (family as f64 / (below + 1) as f64);
                    smallest_so_far = smallest_so_far.min(scaled);
                    adjusted[index] = smallest_so_far;
                }
            }
            Self::Holm => {
                let mut largest_so_far: f64 = 0.0;
                for (below, &index) in ascending.iter().enumerate() {
                    let scaled = p_values[index] * (family - below) as f64;
                    largest_so_far = largest_so_far.max(scaled).min(1.0);
                    adjusted[index] = largest_so_far;
                }
            }
        }
        adjusted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_families_stay_empty() {
        assert!(Correction::BenjaminiHochberg.adjust(&[]).is_empty());
        assert!(Correction::Holm.adjust(&[]).is_empty());
    }

    #[test]
    fn single_p_values_are_unchanged() {
        assert_eq!(Correction::BenjaminiHochberg.adjust(&[0.03]), [0.03]);
        assert_eq!(Correction::Holm.adjust(&[0.03]), [0.03]);
    }

    #[test]
    fn adjusted_p_values_keep_their_order_and_ties() {
        let p_values = [0.04, 0.01, 0.04, 0.9];
        for correction in [Correction::BenjaminiHochberg, Correction::Holm] {
            let adjusted = correction.adjust(&p_values);
            assert_eq!(adjusted[0], adjusted[2]);
            assert!(adjusted[1] < adjusted[0] && adjusted[0] < adjusted[3]);
        }
    }
}
