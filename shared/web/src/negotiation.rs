//! Content negotiation on `Accept`, RFC 9110 section 12.5.1.

use crate::{Problem, body};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

/// The representations that an operation offers.
pub trait Offer: Copy + 'static {
    /// Each with its media type, first the one for callers that have no opinion.
    const OFFERED: &'static [(&'static str, Self)];
}

/// JSON, and nothing else.
#[derive(Clone, Copy, Debug)]
pub struct JsonOnly;

impl Offer for JsonOnly {
    const OFFERED: &'static [(&'static str, Self)] = &[(body::JSON, Self)];
}

/// A page of a list as JSON, or the whole list as a CSV file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListFormat {
    /// A page.
    Page,
    /// A file.
    File,
}

impl Offer for ListFormat {
    const OFFERED: &'static [(&'static str, Self)] =
        &[(body::JSON, Self::Page), (body::CSV, Self::File)];
}

/// CSV, and nothing else.
#[derive(Clone, Copy, Debug)]
pub struct CsvOnly;

impl Offer for CsvOnly {
    const OFFERED: &'static [(&'static str, Self)] = &[(body::CSV, Self)];
}

/// The representation that the caller likes best. A request that accepts none of those on offer is refused with 406.
#[derive(Clone, Copy, Debug)]
pub struct Accept<O>(pub O);

impl<O: Offer> Accept<O> {
    /// The one that these headers ask for.
    ///
    /// # Errors
    /// 406 when they exclude all.
    pub fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let offered: Vec<&str> = O::OFFERED
            .iter()
            .map(|(media_type, _)| *media_type)
            .collect();
        let position = preferred(headers, &offered)?;
        Ok(Self(O::OFFERED[position].1))
    }
}

impl<S: Sync, O: Offer> FromRequestParts<S> for Accept<O> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(&parts.headers)
    }
}

/// The media type that the caller likes best, as its position in `offered`; the first where it has no opinion.
///
/// # Errors
/// 406 when it accepts none.
fn preferred(headers: &HeaderMap, offered: &[&str]) -> Result<usize, Problem> {
    let values: Vec<&str> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    if values.is_empty() {
        return Ok(0);
    }
    let ranges: Vec<(&str, f32)> = values
        .iter()
        .flat_map(|value| value.split(','))
        .map(range)
        .collect();
    let quality = |media_type: &str| {
        let (main, _) = media_type.split_once('/').unwrap_or((media_type, ""));
        // The most specific range that covers the type decides.
        let exact = ranges
            .iter()
            .find(|(range, _)| range.eq_ignore_ascii_case(media_type));
        let within = || {
            ranges.iter().find(|(range, _)| {
                range
                    .strip_suffix("/*")
                    .is_some_and(|prefix| prefix.eq_ignore_ascii_case(main))
            })
        };
        let any = || ranges.iter().find(|(range, _)| *range == "*/*");
        exact
            .or_else(within)
            .or_else(any)
            .map_or(0.0, |(_, quality)| *quality)
    };
    let best = offered
        .iter()
        .map(|media_type| quality(media_type))
        .enumerate();
    let best = best.fold(
        (0, 0.0),
        |best, next| if next.1 > best.1 { next } else { best },
    );
    if best.1 > 0.0 {
        Ok(best.0)
    } else {
        Err(Problem::not_acceptable(offered))
    }
}

/// A media range, or another thing that is accepted, and its quality, 0 to 1.
pub fn range(text: &str) -> (&str, f32) {
    let mut parts = text.split(';').map(str::trim);
    let media_range = parts.next().unwrap_or_default();
    let quality = parts.find_map(|parameter| {
        parameter
            .strip_prefix("q=")
            .or(parameter.strip_prefix("Q="))
    });
    (
        media_range,
        quality
            .and_then(|quality| quality.parse().ok())
            .unwrap_or(1.0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(accept: &str) -> Option<usize> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        preferred(&headers, &["text/plain", "application/json"]).ok()
    }

    #[test]
    fn the_best_liked_offer_is_chosen() {
        assert_eq!(choose("application/json"), Some(1));
        assert_eq!(choose("*/*"), Some(0));
        assert_eq!(choose("text/plain;q=0.5, application/json"), Some(1));
        assert_eq!(choose("application/*, text/plain;q=0.9"), Some(1));
        assert_eq!(choose("text/*;q=0, */*"), Some(1));
        assert_eq!(choose("image/png"), None);
        assert_eq!(choose("application/json;q=0"), None);
        assert_eq!(preferred(&HeaderMap::new(), &["text/plain"]).unwrap(), 0);
    }
}
