//! Lists of customers that leave as files.

use crate::usage::Usage;
use crate::{Problem, body};
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Stands in the extensions of a request whose caller may not download lists. A home that knows its callers puts it there.
#[derive(Clone, Copy, Debug)]
pub struct Withheld;

/// The caller's right to download lists, without which no list can be made into a file.
///
/// A handler that also answers without a file takes a `Result` of it.
#[derive(Debug)]
pub struct DownloadRight(());

impl<S: Sync> FromRequestParts<S> for DownloadRight {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<Withheld>() {
            Some(Withheld) => Err(Problem::download_withheld()),
            None => Ok(Self(())),
        }
    }
}

impl DownloadRight {
    /// A list of customers, scored by a model, as a CSV file with this name. The usage log gets a line with their count.
    pub fn csv(
        self,
        name: &str,
        content: impl Into<Body>,
        count: usize,
        model_version: std::sync::Arc<str>,
    ) -> Response {
        let usage = Usage::of_many(count)
            .doing("export")
            .scored_by(model_version);
        let headers = [
            (
                header::CONTENT_TYPE,
                format!("{}; charset=utf-8", body::CSV),
            ),
            (header::CONTENT_DISPOSITION, attachment(name)),
        ];
        (usage.noted(), headers, content.into()).into_response()
    }
}

/// Has a browser save the answer under this name, which may be any text (RFC 6266): clients that know only ASCII get one with
/// underscores.
pub fn attachment(name: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || " ._-()".contains(letter);
    let plain = name.replace(|letter| !is_plain(letter), "_");
    match plain == name {
        true => format!("attachment; filename=\"{name}\""),
        false => {
            let encoded = utf8_percent_encode(name, NON_ALPHANUMERIC);
            format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attachments_have_any_name() {
        assert_eq!(
            attachment("summary_1234-ABCDE.txt"),
            "attachment; filename=\"summary_1234-ABCDE.txt\""
        );
        assert_eq!(
            attachment("a\"/é.txt"),
            "attachment; filename=\"a___.txt\"; filename*=UTF-8''a%22%2F%C3%A9%2Etxt"
        );
    }
}
