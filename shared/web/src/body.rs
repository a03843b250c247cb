//! Request bodies: where they come from, their media type, their size, their bytes.

use crate::Problem;
use crate::problem::{LONGEST_ECHO, cut};
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

/// Largest JSON body, in bytes.
pub const JSON_LIMIT: usize = 1 << 20;
/// Largest CSV body, in bytes: the answer repeats it and must fit into the 6 MB that Lambda allows.
pub const CSV_LIMIT: usize = 4 << 20;

/// Bytes that most answers fit into, so that their buffer need not grow.
const ROOM: usize = 4 << 10;

const JSON: &str = "application/json";
pub(crate) const CSV: &str = "text/csv";

/// A JSON or CSV body.
#[derive(Debug)]
pub enum Payload {
    /// `application/json`, not parsed yet.
    Json(Bytes),
    /// `text/csv`.
    Csv(Bytes),
}

/// A JSON body: of a request, read into `T`, or of an answer.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<S: Sync> FromRequest<S> for Payload {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (media_type, body) = typed(request, &[JSON, CSV]).await?;
        match media_type {
            JSON => read(body, JSON_LIMIT).await.map(Self::Json),
            _ => read(body, CSV_LIMIT).await.map(Self::Csv),
        }
    }
}

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (_, body) = typed(request, &[JSON]).await?;
        parse(&read(body, JSON_LIMIT).await?).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let mut text = Vec::with_capacity(ROOM);
        if let Err(error) = serde_json::to_writer(&mut text, &self.0) {
            tracing::error!(%error, "an answer can't be written as JSON");
            return Problem::internal().into_response();
        }
        let mut response = Response::new(Body::from(text));
        let kind = HeaderValue::from_static(JSON);
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

/// Reads JSON.
///
/// # Errors
/// 400 that says where it stops making sense; 422 where it is JSON but not a `T`: a field that is unknown, missing or of
/// another type.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let malformed = |error: &serde_json::Error| {
        Problem::malformed(format!("The body is not the JSON wanted here: {error}."))
    };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| match error
        .inner()
        .classify()
    {
        serde_json::error::Category::Data => Problem::invalid((1, vec![unfit(&error)])),
        _ => malformed(error.inner()),
    })?;
    deserializer.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

/// Pointer and detail of a value that does not fit.
fn unfit(error: &serde_path_to_error::Error<serde_json::Error>) -> (String, String) {
    let segments = error.path().iter().map(|segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => {
            // No more is repeated of it.
            let key = &key[..key.floor_char_boundary(LONGEST_ECHO)];
            format!("/{}", key.replace('~', "~0").replace('/', "~1"))
        }
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    });
    let detail = error.inner().to_string();
    let detail = detail.split(" at line ").next().unwrap_or_default();
    // It may begin with what the client wrote.
    (segments.collect(), cut(detail.to_owned(), LONGEST_ECHO))
}

/// The body, and which of the offered types it has.
///
/// # Errors
/// 403 or 415, after the body was read: a client that is still sending when the connection closes may never see the answer.
async fn typed<'o>(request: Request, offered: &[&'o str]) -> Result<(&'o str, Body), Problem> {
    let (parts, body) = request.into_parts();
    match same_site(&parts.headers).and_then(|()| media_type(&parts.headers, offered)) {
        Ok(media_type) => Ok((media_type, body)),
        Err(refused) => {
            let _ = read(body, JSON_LIMIT).await;
            Err(refused)
        }
    }
}

/// Refuses what a page of another site sends with its visitor's network and address.
///
/// # Errors
/// 403.
fn same_site(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get("sec-fetch-site") {
        Some(site) if site == "cross-site" => Err(Problem::cross_site()),
        _ => Ok(()),
    }
}

/// Which of the offered types the body has. It must say: a page of another site may send a body without a type, but none of an
/// offered type, without asking first.
fn media_type<'o>(headers: &HeaderMap, offered: &[&'o str]) -> Result<&'o str, Problem> {
    let refused = || Problem::unsupported_media_type(offered);
    if headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|encoding| encoding != "identity")
    {
        return Err(refused());
    }
    let given = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(refused)?;
    let mut parts = given.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    for parameter in parts {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if name.eq_ignore_ascii_case("charset")
            && !value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        {
            return Err(refused());
        }
    }
    offered
        .iter()
        .find(|offer| offer.eq_ignore_ascii_case(essence))
        .copied()
        .ok_or_else(refused)
}

/// Reads a body to its end.
///
/// # Errors
/// 413 when it has more bytes than `limit`, 400 when it ends too early.
async fn read(mut body: Body, limit: usize) -> Result<Bytes, Problem> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|_| Problem::malformed("The body ended before it was complete."))?;
        let data = frame.into_data().unwrap_or_default();
        if bytes.len() + data.len() > limit {
            return Err(Problem::too_large(limit));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.into())
}
