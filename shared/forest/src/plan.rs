//! Which leaves share a table.
//!
//! A table stands for a set of leaves. It has one axis per feature on their paths, and along it only as many positions
//! as those leaves tell apart: bins that satisfy the same leaves' conditions share one. Tables add, so leaves of any
//! trees may share one, and each table less is a look-up less per row. First the leaves over the same features are
//! brought together; then, greedily, tables whose union saves most time for the memory that it takes.

use crate::games::{Game, Games};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// The most axes that a table may have.
pub(crate) const MAX_AXES: usize = 8;

/// The most cells of a table: one target's column of values then stays in a core's nearest caches.
const MOST_CELLS: usize = 1 << 14;

/// With more tables than this, searching for unions would take minutes; they are left as they are.
const MOST_TABLES_TO_UNITE: usize = 2500;

/// How many pairs so many axes or players have.
pub(crate) fn pairs(count: usize) -> usize {
    count * count.saturating_sub(1) / 2
}

/// What a table is planned for: its time per row in rough machine cycles, and its memory.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Margins,
    Explanations,
}

impl Purpose {
    pub(crate) fn time(self, axes: usize) -> f64 {
        let pairs = pairs(axes) as f64;
        match self {
            Purpose::Margins => 3.0 + 1.5 * axes as f64,
            Purpose::Explanations => 1.0 + 3.0 * axes as f64 + 0.5 * pairs,
        }
    }

    /// Bytes of a table with this many cells.
    pub(crate) fn bytes(self, axes: usize, cells: usize) -> usize {
        match self {
            Purpose::Margins => size_of::<f64>() * cells,
            Purpose::Explanations => size_of::<f32>() * cells * (axes + pairs(axes)),
        }
    }
}

/// A table to be: its axes and the leaves it stands for.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) axes: Vec<Axis>,
    /// Indices into [`Games::games`].
    pub(crate) games: Vec<usize>,
}

/// A feature of a table, and where along it each of the feature's bins lies.
#[derive(Clone)]
pub(crate) struct Axis {
    pub(crate) feature: u32,
    /// By bin.
    pub(crate) positions: Vec<u16>,
    /// How many positions there are.
    pub(crate) length: usize,
}

impl Axis {
    /// The axis that tells apart whatever `self` or `other` tells apart.
    fn refine<T: Copy + Into<usize>>(&self, other: &[T]) -> Axis {
        let mut known = HashMap::new();
        let positions = self.positions.iter().zip(other).map(|(&mine, &its)| {
            let next = known.len() as u16;
            *known.entry((mine, its.into())).or_insert(next)
        });
        let positions = positions.collect();
        Axis {
            feature: self.feature,
            positions,
            length: known.len(),
        }
    }

    fn refined_length(&self, other: &Axis) -> usize {
        let mut seen = vec![false; self.length * other.length];
        for (&mine, &its) in self.positions.iter().zip(&other.positions) {
            seen[mine as usize * other.length + its as usize] = true;
        }
        seen.into_iter().filter(|&seen| seen).count()
    }
}

impl Draft {
    fn of(game: &Game, index: usize, sets: &[Vec<bool>]) -> Draft {
        let axis = |feature, set: &Vec<bool>| {
            Axis {
                feature,
                positions: vec![0; set.len()],
                length: 1,
            }
            .refine(set)
        };
        let axes = game
            .players
            .iter()
            .map(|player| axis(player.feature, &sets[player.set]))
            .collect();
        Draft {
            axes,
            games: vec![index],
        }
    }

    pub(crate) fn cells(&self) -> usize {
        self.axes.iter().map(|axis| axis.length).product()
    }

    /// The place of the feature's axis.
    pub(crate) fn axis(&self, feature: u32) -> Option<usize> {
        self.axes.iter().position(|axis| axis.feature == feature)
    }

    /// How many axes and cells the union with another table would have; none where that is more than allowed.
    fn union_size(&self, other: &Draft, most_cells: usize) -> Option<(usize, usize)> {
        let mut theirs = other.axes.iter().peekable();
        let (mut axes, mut cells) = (0, 1usize);
        let mut grow = |length: usize| {
            axes += 1;
            cells = cells.saturating_mul(length);
            (axes <= MAX_AXES && cells <= most_cells).then_some(())
        };
        for axis in &self.axes {
            while let Some(only) = theirs.next_if(|their| their.feature < axis.feature) {
                grow(only.length)?;
            }
            match theirs.next_if(|their| their.feature == axis.feature) {
                Some(both) => grow(axis.refined_length(both))?,
                None => grow(axis.length)?,
            }
        }
        for only in theirs {
            grow(only.length)?;
        }
        Some((axes, cells))
    }

    fn union(&self, other: &Draft) -> Draft {
        let mut axes: BTreeMap<u32, Axis> = self
            .axes
            .iter()
            .map(|axis| (axis.feature, axis.clone()))
            .collect();
        for axis in &other.axes {
            axes.entry(axis.feature)
                .and_modify(|mine| *mine = mine.refine(&axis.positions))
                .or_insert_with(|| axis.clone());
        }
        let games = self.games.iter().chain(&other.games).copied().collect();
        Draft {
            axes: axes.into_values().collect(),
            games,
        }
    }
}

/// Plans tables for these trees, each given as the stretch of its leaves in `games`, that take at most `budget` bytes;
/// none where not even the smallest tables fit.
pub(crate) fn plan(
    games: &Games,
    trees: &[Range<usize>],
    purpose: Purpose,
    budget: usize,
) -> Option<Vec<Draft>> {
    let mut most_cells = MOST_CELLS;
    while most_cells >= 1 << MAX_AXES {
        let drafts = gather(games, trees, most_cells);
        let bytes: usize = drafts
            .iter()
            .map(|draft| purpose.bytes(draft.axes.len(), draft.cells()))
            .sum();
        if bytes <= budget {
            return Some(unite(drafts, purpose, most_cells, budget - bytes));
        }
        most_cells /= 2;
    }
    None
}

/// One table per set of features, or several where one would have too many cells.
fn gather(games: &Games, trees: &[Range<usize>], most_cells: usize) -> Vec<Draft> {
    let mut by_features: BTreeMap<Vec<u32>, Vec<Draft>> = BTreeMap::new();
    for index in trees.iter().cloned().flatten() {
        let draft = Draft::of(&games.games[index], index, &games.sets);
        let features = draft.axes.iter().map(|axis| axis.feature).collect();
        let tables = by_features.entry(features).or_default();
        let growth = |table: &Draft| Some(table.union_size(&draft, most_cells)?.1 - table.cells());
        let best = tables
            .iter_mut()
            .filter_map(|table| Some((growth(table)?, table)))
            .min_by_key(|(growth, _)| *growth);
        match best {
            Some((_, table)) => *table = table.union(&draft),
            None => tables.push(draft),
        }
    }
    by_features.into_values().flatten().collect()
}

/// Unites tables while that saves time and memory is left: always the two whose union saves most time per byte.
fn unite(drafts: Vec<Draft>, purpose: Purpose, most_cells: usize, spare: usize) -> Vec<Draft> {
    if drafts.len() > MOST_TABLES_TO_UNITE {
        return drafts;
    }
    let mut market = Market {
        drafts,
        purpose,
        most_cells,
        spare,
    };
    // By table: the best offer of a table before it.
    let mut offers: Vec<Option<Offer>> = (0..market.drafts.len())
        .map(|at| market.best_offer(0..at, at))
        .collect();
    loop {
        let best = offers
            .iter()
            .enumerate()
            .filter_map(|(at, offer)| Some((at, (*offer)?)))
            .max_by(|(_, a), (_, b)| a.merit.total_cmp(&b.merit));
        let Some((at, Offer { partner, .. })) = best else {
            return market.drafts;
        };
        market.unite(at, partner);
        offers.swap_remove(at);
        // The last table moved into the gap. Whoever had an eye on one of these three looks again, and the others may
        // find that the new table, or the one that moved, is a better partner.
        let moved = offers.len();
        for (seeker, best) in offers.iter_mut().enumerate() {
            let stale = best.is_some_and(|offer| {
                [at, partner, moved].contains(&offer.partner) || offer.growth > market.spare
            });
            if seeker == at || seeker == partner || stale {
                *best = market.best_offer(0..seeker, seeker);
            } else {
                for changed in [at, partner]
                    .into_iter()
                    .filter(|&changed| changed < seeker)
                {
                    *best = better(*best, market.offer(changed, seeker));
                }
            }
        }
    }
}

/// What uniting a table with a partner would bring.
#[derive(Clone, Copy)]
struct Offer {
    partner: usize,
    /// Bytes that it would take.
    growth: usize,
    /// Time saved for the memory.
    merit: f64,
}

fn better(a: Option<Offer>, b: Option<Offer>) -> Option<Offer> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.merit > a.merit { b } else { a }),
        (a, b) => a.or(b),
    }
}

/// Tables that look for partners.
struct Market {
    drafts: Vec<Draft>,
    purpose: Purpose,
    most_cells: usize,
    /// Bytes that unions may still take.
    spare: usize,
}

impl Market {
    fn best_offer(&self, partners: Range<usize>, seeker: usize) -> Option<Offer> {
        partners
            .map(|partner| self.offer(partner, seeker))
            .fold(None, better)
    }

    fn offer(&self, partner: usize, seeker: usize) -> Option<Offer> {
        let (a, b) = (&self.drafts[partner], &self.drafts[seeker]);
        let (axes, cells) = a.union_size(b, self.most_cells)?;
        let time = |draft: &Draft| self.purpose.time(draft.axes.len());
        let saving = time(a) + time(b) - self.purpose.time(axes);
        let growth = self
            .purpose
            .bytes(axes, cells)
            .saturating_sub(self.bytes(a) + self.bytes(b));
        // Without the kilobyte, unions that cost no memory would all be equally good.
        (saving > 0.0 && growth <= self.spare).then(|| Offer {
            partner,
            growth,
            merit: saving / (growth + 1024) as f64,
        })
    }

    fn bytes(&self, draft: &Draft) -> usize {
        self.purpose.bytes(draft.axes.len(), draft.cells())
    }

    /// Puts the union in the partner's place, and the last table in the other's.
    fn unite(&mut self, at: usize, partner: usize) {
        let union = self.drafts[at].union(&self.drafts[partner]);
        self.spare += self.bytes(&self.drafts[at]) + self.bytes(&self.drafts[partner]);
        self.spare -= self.bytes(&union);
        self.drafts[partner] = union;
        self.drafts.swap_remove(at);
    }
}
