//! The model: which fields it sees, and how it was trained.

use crate::error::WorkspaceError;
use bytemuck::{Pod, Zeroable};
use forest::Forest;
use schema::{Field, Schema, Text};
use sections::{Format, Sections};
use smallvec::SmallVec;

pub(crate) static FORMAT: Format = Format {
    name: "compiled model card",
    magic: *b"\x89MODEL\n\0",
    version: 1,
    sections: Section::Shares as usize + 1,
};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Section {
    Text,
    Head,
    /// The field of each feature.
    Features,
    /// Where the edges of each feature begin; then the end.
    EdgeStarts,
    Edges,
    /// Of each feature one more than there are bins between its edges: the missing ones come last.
    Shares,
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Head {
    pub(crate) base_rate: f64,
    pub(crate) version: Text,
    /// Which workspace this is.
    pub(crate) workspace: Text,
    /// 1 where card and evaluation describe this very model.
    pub(crate) described: u32,
    pub(crate) unused: u32,
}

/// By how much shares may miss 1 in sum: the card rounds them to nine digits.
pub(crate) const ROUNDING: f64 = 1e-6;

/// Whether a text may say which model or workspace something is: it goes into headers of answers.
pub(crate) fn is_version(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._+".contains(&byte);
    (1..=128).contains(&text.len()) && text.bytes().all(plain)
}

/// A profile as the model sees it; NaN is missing.
pub type Row = SmallVec<[f32; 32]>;

/// The model.
#[derive(Clone, Copy)]
pub struct Model<'w> {
    margins: Forest<'w>,
    version: &'w str,
    workspace: &'w str,
    head: &'w Head,
    features: &'w [u32],
    edge_starts: &'w [u32],
    edges: &'w [f32],
    shares: &'w [f64],
    schema: Schema<'w>,
}

/// How a feature was distributed in training.
#[derive(Clone, Copy, Debug)]
pub struct Distribution<'w> {
    /// The inner edges of the bins, rising; bin i holds codes from edge i − 1 to below edge i. A last bin, beyond those between the
    /// edges, holds the missing ones.
    pub edges: &'w [f32],
    /// The share of each bin, 0 to 1; one more than there are bins between the edges.
    pub shares: &'w [f64],
}

impl Distribution<'_> {
    /// The bin of a code.
    #[inline]
    pub fn bin(&self, code: f32) -> usize {
        match code.is_nan() {
            true => self.edges.len() + 1,
            false => self.edges.iter().filter(|edge| code >= **edge).count(),
        }
    }
}

impl<'w> Model<'w> {
    pub(crate) fn open(
        card: &'w [u8],
        margins: &'w [u8],
        schema: &Schema<'w>,
    ) -> Result<Self, WorkspaceError> {
        let sections = Sections::open(card, &FORMAT)?;
        let text = std::str::from_utf8(sections.get::<u8>(Section::Text as usize)?);
        let text = text.map_err(|_| WorkspaceError::Unsound("the model's texts are not UTF-8"))?;
        let [head] = sections.get::<Head>(Section::Head as usize)? else {
            return Err(WorkspaceError::Unsound("the model has no head"));
        };
        let model = Self {
            margins: Forest::from_bytes(margins)?,
            version: head
                .version
                .get(text)
                .ok_or(WorkspaceError::Unsound("the model has no version"))?,
            workspace: head
                .workspace
                .get(text)
                .ok_or(WorkspaceError::Unsound("the workspace has no version"))?,
            head,
            features: sections.get(Section::Features as usize)?,
            edge_starts: sections.get(Section::EdgeStarts as usize)?,
            edges: sections.get(Section::Edges as usize)?,
            shares: sections.get(Section::Shares as usize)?,
            schema: *schema,
        };
        let features = model.features.len();
        let sound = features == model.margins.n_features()
            && model
                .features
                .iter()
                .all(|field| (*field as usize) < schema.len())
            && model.edge_starts.len() == features + 1
            && model.edge_starts.first() == Some(&0)
            && model.edge_starts.is_sorted()
            && model
                .edge_starts
                .last()
                .is_some_and(|end| *end as usize == model.edges.len())
            && model.shares.len() == model.edges.len() + 2 * features;
        match sound {
            true => Ok(model),
            false => Err(WorkspaceError::Unsound("the model and its card do not fit")),
        }
    }

    /// Compares the bytes that it was opened from with their hashes, and checks that features are fields for models, and that
    /// edges rise and shares are shares.
    pub(crate) fn verify(&self, bytes: &[u8]) -> Result<(), String> {
        let intact = Sections::open(bytes, &FORMAT).and_then(|sections| sections.verify());
        intact.map_err(|error| error.to_string())?;
        self.check().map_err(str::to_owned)
    }

    fn check(&self) -> Result<(), &'static str> {
        let share = |share: f64| (0.0..=1.0).contains(&share);
        if !is_version(self.version) || !is_version(self.workspace) {
            return Err("model or workspace have no version");
        }
        if !share(self.base_rate()) || self.head.described > 1 {
            return Err("the share of those who left is none");
        }
        let mut features = self.features.to_vec();
        features.sort_unstable();
        if !features.is_sorted_by(|a, b| a < b) || !self.fields().all(|field| field.for_model()) {
            return Err("a feature is no field for a model, or is there twice");
        }
        for Distribution { edges, shares } in
            (0..features.len()).map(|feature| self.training(feature))
        {
            if !edges.is_sorted() || edges.iter().any(|edge| edge.is_nan()) {
                return Err("the edges of a feature's bins do not rise");
            }
            // Nothing is known of a model that nothing describes.
            let whole = f64::from(self.head.described);
            let sum: f64 = shares.iter().sum();
            if !shares.iter().all(|one| share(*one)) || (sum - whole).abs() > ROUNDING {
                return Err("the shares of a feature's bins do not add up to 1");
            }
        }
        Ok(())
    }

    /// Which workspace this is.
    pub(crate) fn workspace_version(&self) -> &'w str {
        self.workspace
    }

    /// Which model this is.
    pub fn version(&self) -> &'w str {
        self.version
    }

    /// Whether card and evaluation describe this very model.
    pub fn is_described(&self) -> bool {
        self.head.described != 0
    }

    /// The share of the training customers who left, 0 to 1.
    pub fn base_rate(&self) -> f64 {
        self.head.base_rate
    }

    /// The position of each feature's field in the schema, in the model's order.
    #[inline]
    pub fn features(&self) -> &'w [u32] {
        self.features
    }

    /// The field of a feature.
    #[inline]
    pub fn field(&self, feature: usize) -> Field<'w> {
        self.schema.field(self.features[feature] as usize)
    }

    /// The fields of all features, in the model's order.
    #[inline]
    pub fn fields(&self) -> impl ExactSizeIterator<Item = Field<'w>> + Clone + use<'w> {
        let model = *self;
        (0..self.features.len()).map(move |feature| model.field(feature))
    }

    /// The feature that a field is, if the model sees it.
    pub fn feature_of(&self, field: usize) -> Option<usize> {
        self.features
            .iter()
            .position(|other| *other as usize == field)
    }

    /// How a feature was distributed in training.
    #[inline]
    pub fn training(&self, feature: usize) -> Distribution<'w> {
        let [start, end] =
            [feature, feature + 1].map(|position| self.edge_starts[position] as usize);
        // Each feature has two shares more than it has edges.
        Distribution {
            edges: &self.edges[start..end],
            shares: &self.shares[start + 2 * feature..end + 2 * (feature + 1)],
        }
    }

    /// The codes of a profile as the model sees them.
    pub fn row(&self, codes: &[f64]) -> Row {
        self.features
            .iter()
            .map(|field| codes[*field as usize] as f32)
            .collect()
    }

    /// Adds the codes of a profile, as the model sees them, to rows of many.
    #[inline]
    pub fn push_row(&self, codes: &[f64], rows: &mut Vec<f32>) {
        rows.extend(
            self.features
                .iter()
                .map(|field| codes[*field as usize] as f32),
        );
    }

    /// The calibrated log-odds of a row.
    pub fn log_odds(&self, row: &[f32]) -> f64 {
        self.margins.margin(row)
    }

    /// The calibrated churn probability of a profile, 0 to 1.
    pub fn probability(&self, codes: &[f64]) -> f64 {
        logistic(self.log_odds(&self.row(codes)))
    }

    /// The calibrated churn probabilities of many rows, 0 to 1: for each the very number that it gets alone.
    pub fn probabilities(&self, rows: &[f32]) -> Vec<f64> {
        let mut margins = vec![0.0; rows.len() / self.features.len()];
        self.margins.margins(rows, &mut margins);
        margins.into_iter().map(logistic).collect()
    }
}

/// The probability that has these log-odds.
pub fn logistic(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}
