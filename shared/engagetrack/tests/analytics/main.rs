//! The analytics against pandas, and what holds for every selection.

#![allow(clippy::unwrap_used)]

mod golden;
mod properties;

use engagetrack::query::Query;
use engagetrack::selection::Selection;

/// The selection that a query of filters describes.
fn selection(query: &str) -> Selection {
    let mut query = Query::parse(query).unwrap();
    let selection = Selection::from_query(&mut query);
    query.finish().unwrap();
    selection
}
