//! Random small forests against the definition of the SHAP value.

use crate::model::{Model, Node, Split, Test, Tree};
use crate::{AlignedBytes, Forest, Part};
use proptest::prelude::*;

const FEATURES: usize = 4;

/// What a tree expects of a row when only the features in `known` (one bit each) are: the game that TreeSHAP solves.
fn expectation(tree: &Tree, node: u32, row: &[f32], known: usize) -> f64 {
    match &tree.nodes[node as usize] {
        Node::Leaf(value) => *value,
        Node::Split(split) => {
            let below = |left: bool| {
                expectation(
                    tree,
                    if left { split.left } else { split.right },
                    row,
                    known,
                )
            };
            if known >> split.feature & 1 == 1 {
                below(split.goes_left(row[split.feature as usize]))
            } else {
                split.left_share * below(true) + (1.0 - split.left_share) * below(false)
            }
        }
    }
}

/// How many orders of the other features put exactly `before` of `others` first, as a share of all orders.
fn weight(before: u32, others: u32) -> f64 {
    let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
    factorial(before) * factorial(others - before) / factorial(others + 1)
}

/// Contributions and interactions by their exponential definitions (Shapley, 1953; Fujimoto et al., 2006).
fn by_definition(model: &Model, row: &[f32]) -> (Vec<f64>, Vec<f64>) {
    let game: Vec<f64> = (0..1usize << FEATURES)
        .map(|known| {
            model
                .trees
                .iter()
                .map(|tree| expectation(tree, 0, row, known))
                .sum()
        })
        .collect();
    let side = FEATURES + 1;
    let mut contributions = vec![0.0; side];
    let mut interactions = vec![0.0; side * side];
    for a in 0..FEATURES {
        let without_a = (0..1usize << FEATURES).filter(|known| known >> a & 1 == 0);
        contributions[a] = without_a
            .clone()
            .map(|known| {
                weight(known.count_ones(), FEATURES as u32 - 1)
                    * (game[known | 1 << a] - game[known])
            })
            .sum();
        for b in (0..FEATURES).filter(|&b| b != a) {
            interactions[a * side + b] = without_a
                .clone()
                .filter(|known| known >> b & 1 == 0)
                .map(|known| {
                    let change =
                        game[known | 1 << a | 1 << b] - game[known | 1 << a] - game[known | 1 << b]
                            + game[known];
                    0.5 * weight(known.count_ones(), FEATURES as u32 - 2) * change
                })
                .sum();
        }
        interactions[a * side + a] =
            contributions[a] - interactions[a * side..][..FEATURES].iter().sum::<f64>();
    }
    contributions[FEATURES] = model.base_margin + game[0];
    interactions[side * side - 1] = contributions[FEATURES];
    (contributions, interactions)
}

/// A tree of at most `levels` levels of splits, grown from a stream of random bytes; features 0 and 1 are numbers, the
/// others categories.
fn grow(nodes: &mut Vec<Node>, random: &mut impl Iterator<Item = u8>, levels: u32) -> u32 {
    let mut next = || random.next().unwrap_or(0);
    let place = nodes.len() as u32;
    let kind = next();
    if levels == 0 || kind.is_multiple_of(5) {
        nodes.push(Node::Leaf(f64::from(next()) / 100.0 - 1.0));
        return place;
    }
    let feature = u32::from(kind % FEATURES as u8);
    let test = next();
    let split = Split {
        feature,
        test: if feature < 2 {
            Test::Below(f32::from(test % 4) - 0.5)
        } else {
            Test::NotIn((0..5).filter(|code| test >> code & 1 == 1).collect())
        },
        missing_left: next() % 2 == 0,
        left_share: f64::from(next()) / 255.0,
        left: place + 1,
        right: 0,
    };
    nodes.push(Node::Leaf(0.0)); // its place, until the children's are known
    grow(nodes, random, levels - 1);
    let right = grow(nodes, random, levels - 1);
    nodes[place as usize] = Node::Split(Split { right, ..split });
    place
}

fn forest() -> impl Strategy<Value = Model> {
    let tree = prop::collection::vec(any::<u8>(), 1..120).prop_map(|bytes| {
        let mut nodes = Vec::new();
        grow(&mut nodes, &mut bytes.into_iter(), 5);
        Tree { nodes }
    });
    (prop::collection::vec(tree, 0..6), -1.0..1.0).prop_map(|(trees, base_margin)| Model {
        feature_names: (0..FEATURES).map(|feature| format!("f{feature}")).collect(),
        base_margin,
        trees,
    })
}

fn row() -> impl Strategy<Value = Vec<f32>> {
    let values = vec![
        f32::NAN,
        f32::NEG_INFINITY,
        -1.0,
        -0.5,
        -0.0,
        0.0,
        0.5,
        1.0,
        1.5,
        2.0,
        2.5,
        4.0,
        5.0,
        99.0,
        f32::INFINITY,
    ];
    prop::collection::vec(prop::sample::select(values), FEATURES)
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() <= tolerance,
            "place {place}: {found} for {expected}"
        );
    }
}

proptest! {
    #[test]
    fn explanations_are_what_the_definition_says(
        model in forest(),
        rows in prop::collection::vec(row(), 1..20),
        budget in prop::sample::select(vec![0usize, 2000, 1 << 20]),
    ) {
        let side = FEATURES + 1;
        let bytes = AlignedBytes::from(&model.compile(Part::Explanations, budget)[..]);
        prop_assert_eq!(Forest::verify(&bytes), Ok(()));
        let forest = Forest::from_bytes(&bytes).unwrap();
        let flat = rows.concat();
        let mut margins = vec![0.0; rows.len()];
        forest.margins(&flat, &mut margins);
        let mut contribution_batch = vec![0.0; rows.len() * side];
        forest.contributions_batch(&flat, &mut contribution_batch);
        let mut interaction_batch = vec![0.0; rows.len() * side * side];
        forest.interactions_batch(&flat, &mut interaction_batch);
        if forest.explanation_lookups().is_some() {
            let mut counts = forest.counts();
            counts.add(rows.len(), |feature, bins| {
                for (bin, row) in bins.iter_mut().zip(&rows) {
                    *bin = forest.bin(feature, row[feature]);
                }
            });
            let mut expected = vec![0.0; FEATURES];
            for row in &rows {
                let (contributions, _) = by_definition(&model, row);
                for (sum, contribution) in expected.iter_mut().zip(contributions) {
                    *sum += contribution;
                }
            }
            assert_close(&counts.sum(), &expected, 1e-5 * rows.len() as f64);
        } else {
            // Trees are walked where tables have no room or too many axes; these trees have few features.
            prop_assert!(budget < 1 << 20);
        }
        let widen = |values: &[f32]| values.iter().copied().map(f64::from).collect::<Vec<_>>();

        for (index, row) in rows.iter().enumerate() {
            let (expected, expected_interactions) = by_definition(&model, row);
            let margin = model.margin(row);
            assert_close(&[forest.margin(row), margins[index]], &[margin; 2], 1e-12);

            let mut contributions = vec![0.0; side];
            forest.contributions(row, &mut contributions);
            assert_close(&contributions, &expected, 1e-5);
            assert_close(&[contributions.iter().sum()], &[margin], 1e-5);
            assert_close(&widen(&contribution_batch[index * side..][..side]), &expected, 1e-5);

            let mut interactions = vec![0.0; side * side];
            forest.interactions(row, &mut interactions);
            assert_close(&interactions, &expected_interactions, 1e-5);
            assert_close(&[interactions.iter().sum()], &[margin], 1e-5);
            let batch = widen(&interaction_batch[index * side * side..][..side * side]);
            assert_close(&batch, &expected_interactions, 1e-5);
        }
    }
}
