//! The plans that recourse tries.

use crate::nudges::{MOST_MOVES, MoveStep, is_entangled};
use schema::layout::Span;
use schema::{ChangePolicy, Field, Schema};

/// Every combination of steps, those with the fewest first.
pub struct Moves {
    pub steps: Vec<MoveStep>,
    pub moves: Vec<Span>,
    pub levels: Vec<Span>,
    /// Whether there are more steps than are tried.
    pub cut: bool,
    /// Whether a step may alter what another field needs.
    pub entangled: bool,
}

/// The plans of a schema.
pub fn of(schema: &Schema<'_>) -> Moves {
    let alone = |field: &Field<'_>| matches!(field.change(), ChangePolicy::Any | ChangePolicy::Up);
    let fields: Vec<Field<'_>> = schema.fields().filter(alone).collect();
    let mut moves = Moves {
        steps: Vec::new(),
        moves: vec![Span::default()],
        levels: vec![Span {
            start: 0,
            length: 1,
        }],
        cut: false,
        entangled: is_entangled(schema),
    };
    for count in 1..=fields.len() {
        if moves
            .moves
            .len()
            .saturating_add(combinations(&fields, count))
            > MOST_MOVES
        {
            moves.cut = true;
            break;
        }
        let start = moves.moves.len();
        extend(&fields, count, &mut Vec::new(), &mut moves);
        moves.levels.push(Span {
            start: start as u32,
            length: (moves.moves.len() - start) as u32,
        });
    }
    moves
}

/// The number of combinations of `count` steps.
fn combinations(fields: &[Field<'_>], count: usize) -> usize {
    let mut by_count = vec![0usize; count + 1];
    by_count[0] = 1;
    for field in fields {
        for steps in (1..=count).rev() {
            let more = by_count[steps - 1].saturating_mul(field.choices() - 1);
            by_count[steps] = by_count[steps].saturating_add(more);
        }
    }
    by_count[count]
}

fn extend(fields: &[Field<'_>], count: usize, steps: &mut Vec<MoveStep>, moves: &mut Moves) {
    if count == 0 {
        moves.moves.push(Span {
            start: moves.steps.len() as u32,
            length: steps.len() as u32,
        });
        moves.steps.extend_from_slice(steps);
        return;
    }
    for (position, field) in fields.iter().enumerate() {
        for places in 1..field.choices() {
            steps.push(MoveStep {
                field: field.index() as u16,
                places: places as u16,
            });
            extend(&fields[position + 1..], count - 1, steps, moves);
            steps.pop();
        }
    }
}
