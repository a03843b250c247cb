//! A leaf as a game: for each feature on its path the bins that satisfy the path's conditions, and the share of the
//! training weight that does. Leaves are what tables add up, so trees are gone from here on.

use crate::bins::Bins;
use crate::model::{Split, Tree};
use crate::shapley::{Condition, QuadratureNode, quadrature};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// One leaf.
pub(crate) struct Game {
    pub(crate) value: f64,
    /// The features on its path, ascending.
    pub(crate) players: Vec<Player>,
}

/// A feature on a leaf's path.
pub(crate) struct Player {
    pub(crate) feature: u32,
    /// Which bins satisfy the path's conditions: an index into [`Games::sets`].
    pub(crate) set: usize,
    /// z: the product of the shares of the branches taken.
    pub(crate) share: f64,
}

/// Many leaves, and the distinct sets of bins that they ask for.
#[derive(Default)]
pub(crate) struct Games {
    pub(crate) games: Vec<Game>,
    /// One flag per bin of a feature.
    pub(crate) sets: Vec<Vec<bool>>,
    known: HashMap<(u32, Vec<bool>), usize>,
}

impl Games {
    /// Adds a tree's leaves, and tells where they are.
    pub(crate) fn push(&mut self, tree: &Tree, bins: &Bins) -> Range<usize> {
        let start = self.games.len();
        tree.for_each_leaf(|path, value| {
            let players = players(path, bins)
                .into_iter()
                .map(|(feature, (set, share))| Player {
                    feature,
                    set: self.intern(feature, set),
                    share,
                })
                .collect();
            self.games.push(Game { value, players });
        });
        start..self.games.len()
    }

    fn intern(&mut self, feature: u32, set: Vec<bool>) -> usize {
        *self
            .known
            .entry((feature, set))
            .or_insert_with_key(|(_, set)| {
                self.sets.push(set.clone());
                self.sets.len() - 1
            })
    }
}

/// By feature: the bins that follow the path, and the share of the training weight that does.
fn players(path: &[(&Split, bool)], bins: &Bins) -> BTreeMap<u32, (Vec<bool>, f64)> {
    let mut players = BTreeMap::new();
    for &(split, goes_left) in path {
        let all = || (vec![true; bins.count(split.feature)], 1.0);
        let (set, share) = players.entry(split.feature).or_insert_with(all);
        for (satisfied, left) in set.iter_mut().zip(bins.left(split)) {
            *satisfied &= left == goes_left;
        }
        *share *= split.share(goes_left);
    }
    players
}

/// What one leaf contributes for every combination of players whose conditions a row satisfies.
pub(crate) struct Outcomes {
    /// By pattern (bit `p` is set where player `p`'s conditions are met), then by player.
    pub(crate) contributions: Vec<f64>,
    /// By pattern, then by pair (a, b), a < b, in the order (0,1), (0,2), (1,2), (0,3), …
    pub(crate) pairs: Vec<f64>,
}

impl Game {
    pub(crate) fn outcomes(&self) -> Outcomes {
        let players = self.players.len();
        let rule = quadrature(players);
        let mut outcomes = Outcomes {
            contributions: Vec::new(),
            pairs: Vec::new(),
        };
        for pattern in 0..1usize << players {
            let conditions: Vec<Condition> = (0..players)
                .map(|player| {
                    Condition::NONE.and(self.players[player].share, pattern >> player & 1 == 1)
                })
                .collect();
            for (b, second) in conditions.iter().enumerate() {
                let integral = integral_without(&conditions, &[b], &rule);
                outcomes
                    .contributions
                    .push(self.value * second.difference() * integral);
                for (a, first) in conditions[..b].iter().enumerate() {
                    let integral = integral_without(&conditions, &[a, b], &rule);
                    outcomes.pairs.push(
                        0.5 * self.value * first.difference() * second.difference() * integral,
                    );
                }
            }
        }
        outcomes
    }
}

/// The integral of the product of all conditions' factors but those of the players left out.
fn integral_without(conditions: &[Condition], left_out: &[usize], rule: &[QuadratureNode]) -> f64 {
    rule.iter()
        .map(|node| {
            let kept = conditions
                .iter()
                .enumerate()
                .filter(|(player, _)| !left_out.contains(player));
            kept.fold(node.weight, |product, (_, condition)| {
                product * condition.factor(node.at)
            })
        })
        .sum()
}
