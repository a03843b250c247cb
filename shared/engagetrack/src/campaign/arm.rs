//! Which arm of a campaign a customer is in: decided by the campaign's name and the customer's id alone.

use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// The arm of a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub enum CampaignArm {
    /// Is contacted.
    #[serde(rename = "treat")]
    Treat,
    /// Is not contacted, so that there is something to compare with.
    #[serde(rename = "hold-out")]
    HoldOut,
}

impl CampaignArm {
    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Treat => "treat",
            Self::HoldOut => "hold-out",
        }
    }
}

/// How a campaign assigns its arms. Nothing is stored, and the same name, id and share always give the same arm.
#[derive(Clone, Debug)]
pub struct Assigner {
    /// Has the campaign's name and a zero byte.
    begun: Sha256,
    holdout: f64,
}

impl Assigner {
    /// The assignment of a campaign of this name that holds out a share of its customers.
    pub fn new(campaign: &str, holdout: f64) -> Self {
        let begun = Sha256::new().chain_update(campaign).chain_update([0]);
        Self { begun, holdout }
    }

    /// The arm of the customer with this id.
    pub fn arm(&self, id: &str) -> CampaignArm {
        match self.fraction(id) < self.holdout {
            true => CampaignArm::HoldOut,
            false => CampaignArm::Treat,
        }
    }

    /// The first eight bytes of the hash as a big-endian fraction of 2⁶⁴.
    fn fraction(&self, id: &str) -> f64 {
        let hash = self.begun.clone().chain_update(id).finalize();
        let first = hash
            .iter()
            .take(8)
            .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        first as f64 / 2_f64.powi(64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_those_of_hashlib() {
        // python3: int.from_bytes(hashlib.sha256(f"{campaign}\0{id}".encode()).digest()[:8], "big") / 2**64
        for (campaign, id, expected) in KNOWN {
            let found = Assigner::new(campaign, 0.1).fraction(id);
            assert_eq!(found, expected, "{campaign} {id}");
        }
    }

    #[test]
    fn the_arm_is_held_out_below_the_share() {
        let (campaign, id, fraction) = KNOWN[0];
        let arm = |holdout| Assigner::new(campaign, holdout).arm(id);
        assert_eq!(arm(fraction), CampaignArm::Treat);
        assert_eq!(arm(fraction.next_up()), CampaignArm::HoldOut);
        assert_eq!(arm(0.0), CampaignArm::Treat);
    }

    #[test]
    fn larger_shares_hold_out_the_same_customers_and_more() {
        let ids: Vec<String> = (0..5_000).map(|number| format!("C-{number}")).collect();
        let held_out = |campaign: &str, holdout: f64| -> Vec<bool> {
            let assigner = Assigner::new(campaign, holdout);
            let arms = ids.iter().map(|id| assigner.arm(id));
            arms.map(|arm| arm == CampaignArm::HoldOut).collect()
        };
        let (few, many) = (held_out("spring", 0.1), held_out("spring", 0.3));
        assert!(few.iter().zip(&many).all(|(few, many)| *many || !few));
        let count = |held_out: &[bool]| held_out.iter().filter(|held_out| **held_out).count();
        assert!((440..560).contains(&count(&few)), "{}", count(&few));
        // Another campaign holds out others: of one campaign's tenth, a tenth again.
        let other = held_out("summer", 0.1);
        let both = few
            .iter()
            .zip(&other)
            .filter(|(one, other)| **one && **other);
        assert!((20..85).contains(&both.count()));
    }

    const KNOWN: [(&str, &str, f64); 5] = [
        ("spring", "0000-BBBBB", 0.8954894338852616),
        ("spring", "0000-AAAAA", 0.47240662592107513),
        ("", "a", 0.00845965601079512),
        ("Frühling 2027", "Müller, K.", 0.5669069250682601),
        ("a", " a ", 0.8257211193344115),
    ];
}
