//! The mathematics of path-dependent SHAP values: one leaf at a time, as an integral that a quadrature solves exactly.
//!
//! Path-dependent TreeSHAP (Lundberg et al., 2020, algorithm 1) asks of a tree what it gives when only the features in a
//! set S are known: at a split on a known feature the row decides, at any other both ways are taken, each weighted by its
//! share of the training weight. So one leaf of value v contributes the product
//!
//! > v · Π_{k known} o_k · Π_{k unknown} z_k
//!
//! over the distinct features k on its path, where o_k is 1 if the row satisfies every condition on k and 0 if not, and
//! z_k is the product of the shares at the splits on k. The SHAP value of a game is the integral of the partial
//! derivatives of its multilinear extension along the diagonal (Owen, 1972), and the extension of a product is a product:
//!
//! > φ_j  = v · (o_j − z_j) · ∫₀¹ Π_{k≠j} (t·o_k + (1−t)·z_k) dt
//! >
//! > φ_ij = v · ½ · (o_i − z_i)(o_j − z_j) · ∫₀¹ Π_{k≠i,j} (t·o_k + (1−t)·z_k) dt   for i ≠ j
//!
//! (the half because an interaction is split evenly between ij and ji, as XGBoost does). The integrands are polynomials
//! in t of degree below the number m of features, for which Gauss–Legendre quadrature with ⌈m/2⌉ nodes is exact; and as
//! every factor is positive, nothing cancels. The diagonal of the interactions is what makes each row of the matrix add
//! up to its contribution: φ_ii = φ_i − Σ_{j≠i} φ_ij.

use bytemuck::{Pod, Zeroable};

/// A node of a quadrature rule on [0, 1].
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct QuadratureNode {
    pub(crate) at: f64,
    pub(crate) weight: f64,
}

/// The Gauss–Legendre rule on [0, 1] that is exact for products of fewer than `features` linear factors.
pub(crate) fn quadrature(features: usize) -> Vec<QuadratureNode> {
    let count = features.div_ceil(2).max(1);
    (0..count)
        .map(|index| {
            // Newton's method from Tricomi's approximation of the roots of the Legendre polynomial P_count.
            let mut x = (std::f64::consts::PI * (index as f64 + 0.75) / (count as f64 + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..100 {
                let (value, derivative) = legendre(count, x);
                slope = derivative;
                let step = value / derivative;
                x -= step;
                if step.abs() < 1e-15 {
                    break;
                }
            }
            QuadratureNode {
                at: (1.0 - x) / 2.0,
                weight: 1.0 / ((1.0 - x * x) * slope * slope),
            }
        })
        .collect()
}

/// The Legendre polynomial of this degree and its derivative, by the three-term recurrence.
fn legendre(degree: usize, x: f64) -> (f64, f64) {
    let (mut previous, mut current) = (1.0, x);
    for k in 2..=degree {
        let k = k as f64;
        (previous, current) = (
            current,
            ((2.0 * k - 1.0) * x * current - (k - 1.0) * previous) / k,
        );
    }
    let derivative = degree as f64 * (x * current - previous) / (x * x - 1.0);
    (current, derivative)
}

/// A share below this counts as this much, so that a factor is never zero and can be divided out again. It moves no
/// contribution by more than this part of a leaf value.
const LEAST_SHARE: f64 = 1e-12;

/// What a path says about one feature.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Condition {
    /// z: the product of the shares of the branches taken.
    share: f64,
    /// o: whether the row takes all of these branches.
    satisfied: bool,
}

impl Condition {
    /// A feature that the path has not met: a factor of one.
    pub(crate) const NONE: Condition = Condition {
        share: 1.0,
        satisfied: true,
    };

    /// The condition after one more branch.
    pub(crate) fn and(self, share: f64, satisfied: bool) -> Condition {
        Condition {
            share: self.share * share.max(LEAST_SHARE),
            satisfied: self.satisfied && satisfied,
        }
    }

    /// t·o + (1−t)·z.
    pub(crate) fn factor(self, t: f64) -> f64 {
        let known = if self.satisfied { t } else { 0.0 };
        known + (1.0 - t) * self.share
    }

    /// o − z.
    pub(crate) fn difference(self) -> f64 {
        f64::from(u8::from(self.satisfied)) - self.share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quadrature_integrates_the_highest_power_it_promises() {
        for features in 1..=64 {
            let rule = quadrature(features);
            for power in 0..features {
                let integral: f64 = rule
                    .iter()
                    .map(|node| node.weight * node.at.powi(power as i32))
                    .sum();
                let expected = 1.0 / (power as f64 + 1.0);
                assert!(
                    (integral - expected).abs() < 1e-13,
                    "t^{power} with {features} features: {integral}"
                );
            }
        }
    }
}
