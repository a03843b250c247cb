//! Parameters in the query.

use crate::Problem;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use std::fmt::Display;
use std::str::FromStr;

/// The query, split into parameters that nobody has read yet; empty where there is none. One that can't be split is refused with 400.
#[derive(Debug)]
pub struct Parameters<Q>(pub Q);

impl<S: Sync, Q: FromStr<Err: Display>> FromRequestParts<S> for Parameters<Q> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        query.parse().map(Self).map_err(Problem::malformed)
    }
}
