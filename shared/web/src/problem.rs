//! Errors as RFC 9457 problems. A handler returns a [`Problem`]; the frame adds path and request id and writes it.

mod kind;

pub use kind::{Explanation, Kind};

use crate::body::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::fmt::Display;
use utoipa::ToSchema;

/// Bytes of a client's own text, such as a path or the name of a member, that an answer repeats at most.
pub(crate) const LONGEST_ECHO: usize = 200;
/// Bytes of one detail at most: our words, which may list what is allowed, around a client's.
const LONGEST_DETAIL: usize = 1_000;
/// Bytes of a field's name at most, as far as a log repeats it.
const LONGEST_NAME: usize = 40;

/// What is wrong, before it is known where.
#[derive(Clone, Debug)]
pub struct Problem {
    kind: Kind,
    detail: String,
    errors: Vec<InvalidField>,
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

/// One field that can't be accepted.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InvalidField {
    /// An RFC 6901 pointer to it.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

/// A problem as it is sent, `application/problem+json`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProblemDocument {
    /// What kind of problem it is: a path under `/problems/`, at which the server explains it.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong this time.
    pub detail: String,
    /// The path that was asked; empty where none could be read.
    pub instance: String,
    /// The id under which the request is logged.
    pub request_id: String,
    /// Each field that can't be accepted, the first 100 of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<InvalidField>,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            header: None,
        }
    }

    /// Which kind of problem it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.kind.explanation().status
    }

    /// Leaves a line for whoever looks for refused requests: the kind and where the faults are, never what was sent.
    pub(crate) fn trace(&self, request_id: &str, function: Option<&str>) {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let pointers: Vec<String> = self
            .errors
            .iter()
            .map(|error| place(&error.pointer))
            .collect();
        tracing::debug!(
            request_id,
            function,
            problem = self.kind.explanation().slug,
            status = self.status().as_u16(),
            ?pointers,
            "a request was refused"
        );
    }

    /// 400: the request can't be read.
    pub fn malformed(detail: impl Display) -> Self {
        Self::new(Kind::MalformedRequest, detail.to_string())
    }

    /// 401: a token is wanted, and none that is valid came. Says nothing about what is wrong with it.
    pub fn unauthenticated() -> Self {
        let mut problem = Self::new(
            Kind::Unauthenticated,
            "A valid bearer token is wanted here.",
        );
        let bearer = HeaderValue::from_static("Bearer");
        problem.header = Some(Box::new((header::WWW_AUTHENTICATE, bearer)));
        problem
    }

    /// 403: a page of another site sent this.
    pub fn cross_site() -> Self {
        Self::new(
            Kind::CrossSiteRequest,
            "Pages of other sites may not post here.",
        )
    }

    /// 403: the caller may see lists of customers, but not download them.
    pub fn download_withheld() -> Self {
        Self::new(
            Kind::DownloadWithheld,
            "The token lacks the claim without which lists of customers can't be downloaded.",
        )
    }

    /// 404: nobody has this customer id.
    pub fn unknown_customer(id: &str) -> Self {
        let id = cut(format!("{id:?}"), LONGEST_ECHO);
        let detail = format!("There is no customer {id}.");
        Self::new(Kind::UnknownCustomer, detail)
    }

    /// 404: nothing is served at this path.
    pub fn unknown_path() -> Self {
        Self::new(Kind::UnknownPath, "Nothing is served at this path.")
    }

    /// 404: the business lacks what the answer needs, such as a role.
    pub fn switched_off(role: &str) -> Self {
        Self::new(Kind::SwitchedOff, format!("The business has no {role}."))
    }

    /// 405: the path is served, but not with this method.
    pub fn method_not_allowed(allow: Option<&HeaderValue>) -> Self {
        let allowed = allow
            .and_then(|allow| allow.to_str().ok())
            .unwrap_or("none");
        let detail = format!("Allowed here: {}.", allowed.replace(',', ", "));
        let mut problem = Self::new(Kind::MethodNotAllowed, detail);
        problem.header = allow.map(|allow| Box::new((header::ALLOW, allow.clone())));
        problem
    }

    /// 406: none of the representations on offer is acceptable.
    pub fn not_acceptable(offered: &[&str]) -> Self {
        let detail = format!("Offered here: {}.", offered.join(", "));
        Self::new(Kind::NotAcceptable, detail)
    }

    /// 409: the cursor is of another workspace than the one that is served.
    pub fn stale_cursor(of: &str, served: &str) -> Self {
        let detail = format!("The cursor is of workspace {of}, and {served} is served now.");
        Self::new(Kind::StaleCursor, detail)
    }

    /// 413: the body is too large.
    pub fn too_large(limit: usize) -> Self {
        let detail = format!("The body may have at most {limit} bytes.");
        Self::new(Kind::BodyTooLarge, detail)
    }

    /// 415: the body is of a type that is not understood here, or does not say of which.
    pub fn unsupported_media_type(offered: &[&str]) -> Self {
        let detail = format!(
            "The body needs a content-type that is understood here, in UTF-8 and not compressed: {}.",
            offered.join(", ")
        );
        Self::new(Kind::UnsupportedMediaType, detail)
    }

    /// 422: well-formed but invalid. Given is how many errors there are, and pointer and detail of those that are listed.
    pub fn invalid(errors: impl Into<(usize, Vec<(String, String)>)>) -> Self {
        let (count, listed) = errors.into();
        let detail = match count {
            1 => "One field can't be accepted.".to_owned(),
            _ if count > listed.len() => format!(
                "{count} fields can't be accepted; the first {} are listed.",
                listed.len()
            ),
            _ => format!("{count} fields can't be accepted."),
        };
        let mut problem = Self::new(Kind::InvalidInput, detail);
        let field = |(pointer, detail)| InvalidField { pointer, detail };
        problem.errors = listed.into_iter().map(field).collect();
        problem
    }

    /// 500: our fault. Says nothing about the inside.
    pub fn internal() -> Self {
        let detail = "Something went wrong on our side. It is logged under the request id.";
        Self::new(Kind::InternalError, detail)
    }

    /// Says after how many seconds it is worth to try again.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        self.with_header(header::RETRY_AFTER, seconds.into())
    }

    /// Adds a header to the answer, in place of one that was added before.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some(Box::new((name, value)));
        self
    }

    /// The answer to a request with this path and id. All text of a problem passes here, and is cut where a client's own would
    /// make it long.
    pub(crate) fn into_document(self, instance: &str, request_id: &str) -> Response {
        let explanation = self.kind.explanation();
        let errors = self.errors.into_iter().map(|error| InvalidField {
            pointer: cut(error.pointer, LONGEST_ECHO),
            detail: cut(error.detail, LONGEST_DETAIL),
        });
        let document = ProblemDocument {
            kind: self.kind.path(),
            title: explanation.title,
            status: explanation.status.as_u16(),
            detail: cut(self.detail, LONGEST_DETAIL),
            instance: cut(instance.to_owned(), LONGEST_ECHO),
            request_id: request_id.to_owned(),
            errors: errors.collect(),
        };
        let mut response = (explanation.status, Json(document)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
            .headers_mut()
            .extend(self.header.map(|header| *header));
        // For a home that counts them.
        response.extensions_mut().insert(self.kind);
        response
    }
}

/// A pointer without what only the client could have written into it: of a member, names that could be a field's are kept.
fn place(pointer: &str) -> String {
    let is_index = |segment: &str| {
        (1..=7).contains(&segment.len()) && segment.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_name = |segment: &str| {
        segment.len() <= LONGEST_NAME
            && segment.starts_with(|first: char| first.is_ascii_alphabetic())
            && segment
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let segments = pointer.split('/').skip(1);
    segments.fold(String::new(), |place, segment| {
        match is_index(segment) || is_name(segment) {
            true => place + "/" + segment,
            false => place + "/?",
        }
    })
}

/// Cuts text to at most `most` bytes, with an ellipsis where something is missing.
pub(crate) fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most - '…'.len_utf8()));
        text.push('…');
    }
    text
}

impl IntoResponse for Problem {
    /// Carries the problem to the frame, which alone knows the path and the request id.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(cut("abc".to_owned(), 3), "abc");
        assert_eq!(cut("äöü".to_owned(), 5), "ä…");
        let cut = cut("€".repeat(1 << 20), LONGEST_ECHO);
        assert!(cut.len() <= LONGEST_ECHO && cut.ends_with("€…"), "{cut}");
    }
}
