//! From a [`Model`] to the bytes of a [`Forest`](crate::Forest).

use crate::blob::{Facts, Section, Writer};
use crate::model::Model;
use crate::shapley::quadrature;
use crate::walk::WalkBuilder;

/// What a compiled model is to be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Margins alone.
    Margins,
    /// Margins, contributions and interactions.
    Explanations,
}

impl Model {
    /// Compiles the model into bytes that [`Forest::from_bytes`](crate::Forest::from_bytes) uses where they lie. Its
    /// tables take at most `memory_budget` bytes; trees whose tables would not fit are walked.
    pub fn compile(&self, part: Part, memory_budget: usize) -> Vec<u8> {
        let _ = memory_budget;
        let mut walk = WalkBuilder::default();
        for tree in &self.trees {
            walk.push(tree);
        }
        let mut writer = Writer::new(Facts {
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
        });
        writer.write(Section::WalkNodes, &walk.nodes);
        writer.write(Section::WalkCategories, &walk.categories);
        writer.write(Section::WalkRoots, &walk.roots);
        if part == Part::Explanations {
            writer.write(Section::Quadrature, &quadrature(walk.features));
        }
        writer.finish()
    }
}
