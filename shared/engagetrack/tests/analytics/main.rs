//! The analytics against pandas, and what holds for every selection.

#![allow(clippy::unwrap_used)]

mod golden;
mod other_business;
mod policy;
mod properties;

use engagetrack::query::Query;
use engagetrack::selection::Selection;
use engagetrack::{Live, View, embedded};
use std::sync::LazyLock;

/// The shipped workspace.
static LIVE: LazyLock<Live> = LazyLock::new(|| embedded::live(embedded::whole()));

fn view() -> &'static View<'static> {
    LIVE.view()
}

/// The selection that a query of filters describes.
fn selection(query: &str) -> Selection {
    let query = Query::parse(query).unwrap();
    query
        .read(|query| Selection::from_query(view(), query))
        .unwrap()
}
