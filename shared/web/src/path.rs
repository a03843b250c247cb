//! Parameters in the path.

use crate::Problem;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

/// The one parameter in a path, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment(pub String);

impl<S: Sync> FromRequestParts<S> for Segment {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, &())
            .await
            .map_err(|_| Problem::malformed("The path is not percent-encoded UTF-8."))?;
        Ok(Self(text))
    }
}
