//! From a [`Model`] to the bytes of a [`Forest`](crate::Forest).

use crate::bins::{Bins, trees_with_few_bins};
use crate::format::{FORMAT, Facts, Section};
use crate::games::Games;
use crate::masks::{MOST_LEAVES, MaskBuilder};
use crate::model::{Model, Tree};
use crate::plan::{MAX_AXES, Purpose, plan};
use crate::shapley::quadrature;
use crate::tables::{ExplanationTables, MarginTables};
use crate::walk::WalkBuilder;
use sections::Writer;
use std::ops::Range;

/// Trees with more levels are walked: a leaf's game has up to as many players, and each of them a set of bins.
const MOST_LEVELS: usize = 16;

/// What a compiled model is to be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Margins alone.
    Margins,
    /// Margins, contributions and interactions.
    Explanations,
}

impl Model {
    /// Compiles the model into bytes that [`Forest::from_bytes`](crate::Forest::from_bytes) uses where they lie. The
    /// values of its tables take at most `memory_budget` bytes; trees whose tables would not fit are walked. More memory
    /// makes fewer, larger tables: see the crate's documentation.
    pub fn compile(&self, part: Part, memory_budget: usize) -> Vec<u8> {
        let leaves = Leaves::of(self);
        let margins = leaves.margins(match part {
            Part::Margins => memory_budget,
            Part::Explanations => memory_budget / 4,
        });
        let explanations = match part {
            Part::Margins => ForExplanations::default(),
            Part::Explanations => {
                leaves.explanations(memory_budget - margins.tables.values.len() * size_of::<f64>())
            }
        };

        let mut walk = WalkBuilder::default();
        let (mut margin_roots, mut explanation_roots) = (Vec::new(), Vec::new());
        for (index, tree) in self.trees.iter().enumerate() {
            let for_margins = !margins.done[index];
            let for_explanations = part == Part::Explanations && !explanations.done[index];
            if for_margins || for_explanations {
                let root = walk.push(tree);
                margin_roots.extend(for_margins.then_some(root));
                explanation_roots.extend(for_explanations.then_some(root));
            }
        }

        let facts = Facts {
            base_margin: self.base_margin,
            base_value: self.base_margin
                + self
                    .trees
                    .iter()
                    .map(|tree| tree.expected_value())
                    .sum::<f64>(),
            n_features: self.n_features() as u32,
            explains: u32::from(part == Part::Explanations),
            walk_depth: walk.depth as u32,
            unused: 0,
        };
        let mut writer = Writer::new(&FORMAT);
        writer.write(Section::Facts as usize, &[facts]);
        let (cuts, starts) = leaves.bins.flatten();
        writer.write(Section::Cuts as usize, &cuts);
        writer.write(Section::CutStarts as usize, &starts);
        let index = &margins.tables.index;
        writer.write(Section::MarginTables as usize, &index.tables);
        writer.write(Section::MarginInputs as usize, &index.inputs);
        writer.write(Section::MarginOffsets as usize, &index.offsets);
        writer.write(Section::MarginValues as usize, &margins.tables.values);
        writer.write(Section::MaskGroups as usize, &margins.masks.groups);
        writer.write(Section::MaskInputs as usize, &margins.masks.inputs);
        writer.write(Section::MaskLines as usize, &margins.masks.lines);
        writer.write(Section::MaskLeaves as usize, &margins.masks.leaves);
        let index = &explanations.tables.index;
        writer.write(Section::ExplanationTables as usize, &index.tables);
        writer.write(Section::ExplanationInputs as usize, &index.inputs);
        writer.write(Section::ExplanationOffsets as usize, &index.offsets);
        writer.write(
            Section::ExplanationValues as usize,
            &explanations.tables.values,
        );
        writer.write(
            Section::PairColumns as usize,
            &explanations.tables.pair_columns,
        );
        writer.write(Section::Pairs as usize, &explanations.tables.pairs);
        writer.write(Section::WalkNodes as usize, &walk.nodes);
        writer.write(Section::WalkCategories as usize, &walk.categories);
        writer.write(Section::WalkMargins as usize, &margin_roots);
        writer.write(Section::WalkExplanations as usize, &explanation_roots);
        writer.write(Section::Quadrature as usize, &quadrature(walk.features));
        writer.finish()
    }
}

/// The leaves of those trees that tables or masks may stand for.
struct Leaves {
    bins: Bins,
    games: Games,
    /// By tree: the stretch of its leaves in `games`; none where it has to be walked.
    trees: Vec<Option<Range<usize>>>,
}

/// How margins are computed, and for which trees; the others are walked.
struct ForMargins {
    tables: MarginTables,
    masks: MaskBuilder,
    done: Vec<bool>,
}

/// How explanations are computed, and for which trees; the others are walked.
#[derive(Default)]
struct ForExplanations {
    tables: ExplanationTables,
    done: Vec<bool>,
}

impl Leaves {
    fn of(model: &Model) -> Leaves {
        let few_bins = trees_with_few_bins(model.n_features(), &model.trees);
        let eligible = |(tree, few): &(&Tree, &bool)| **few && tree.depth() <= MOST_LEVELS;
        let bins = Bins::of(
            model.n_features(),
            model
                .trees
                .iter()
                .zip(&few_bins)
                .filter(eligible)
                .map(|(tree, _)| tree),
        );
        let mut games = Games::default();
        let trees = model
            .trees
            .iter()
            .zip(&few_bins)
            .map(|tree| eligible(&tree).then(|| games.push(tree.0, &bins)))
            .collect();
        Leaves { bins, games, trees }
    }

    /// The trees whose leaves all satisfy a condition: index and leaves of each.
    fn select(&self, condition: impl Fn(&Range<usize>) -> bool) -> Vec<(usize, Range<usize>)> {
        let trees = self.trees.iter().cloned().enumerate();
        trees
            .filter_map(|(index, leaves)| Some((index, leaves?)))
            .filter(|(_, leaves)| condition(leaves))
            .collect()
    }

    fn few_axes(&self, leaves: &Range<usize>) -> bool {
        self.games.games[leaves.clone()]
            .iter()
            .all(|game| game.players.len() <= MAX_AXES)
    }

    fn flags(&self, trees: &[(usize, Range<usize>)]) -> Vec<bool> {
        let mut flags = vec![false; self.trees.len()];
        trees.iter().for_each(|(index, _)| flags[*index] = true);
        flags
    }

    /// Tables or masks, whichever takes less time.
    fn margins(&self, budget: usize) -> ForMargins {
        let maskable = self.select(|leaves| leaves.len() <= MOST_LEAVES);
        let tabled = self.select(|leaves| self.few_axes(leaves));
        let masks = MaskBuilder::of(&stretches(&maskable), &self.games);
        let drafts =
            plan(&self.games, &stretches(&tabled), Purpose::Margins, budget).unwrap_or_default();
        let table_time: f64 = drafts
            .iter()
            .map(|draft| Purpose::Margins.time(draft.axes.len()))
            .sum();
        if !drafts.is_empty() && tabled.len() >= maskable.len() && table_time < masks.time() {
            let mut tables = MarginTables::default();
            drafts
                .iter()
                .for_each(|draft| tables.push(draft, &self.games));
            ForMargins {
                tables,
                masks: MaskBuilder::default(),
                done: self.flags(&tabled),
            }
        } else {
            ForMargins {
                tables: MarginTables::default(),
                masks,
                done: self.flags(&maskable),
            }
        }
    }

    /// Tables for as many trees as the budget allows, those with the smallest leaves first.
    fn explanations(&self, budget: usize) -> ForExplanations {
        let mut tabled = self.select(|leaves| self.few_axes(leaves));
        tabled.sort_by_key(|(_, leaves)| self.least_bytes(leaves));
        let mut tables = ExplanationTables::default();
        loop {
            if let Some(drafts) = plan(
                &self.games,
                &stretches(&tabled),
                Purpose::Explanations,
                budget,
            ) {
                drafts
                    .iter()
                    .for_each(|draft| tables.push(draft, &self.games));
                return ForExplanations {
                    tables,
                    done: self.flags(&tabled),
                };
            }
            tabled.truncate(tabled.len() / 2);
        }
    }

    /// What the leaves' tables would take if none were shared.
    fn least_bytes(&self, leaves: &Range<usize>) -> usize {
        let players = self.games.games[leaves.clone()]
            .iter()
            .map(|game| game.players.len());
        players
            .map(|players| Purpose::Explanations.bytes(players, 1 << players))
            .sum()
    }
}

fn stretches(trees: &[(usize, Range<usize>)]) -> Vec<Range<usize>> {
    trees.iter().map(|(_, leaves)| leaves.clone()).collect()
}
