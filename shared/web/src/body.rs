//! Request bodies: where they come from, their media type, their size, their bytes.

use crate::Problem;
use crate::budget::Account;
use crate::problem::{LONGEST_ECHO, cut};
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed};
use serde_path_to_error::{Path, Segment, Track};
use std::marker::PhantomData;
use std::time::Duration;

/// Largest JSON body, in bytes.
pub const JSON_LIMIT: usize = 1 << 20;
/// Largest CSV body, in bytes: the answer repeats it and must fit into the 6 MB that Lambda allows.
pub const CSV_LIMIT: usize = 4 << 20;

/// Bytes that most answers fit into, so that their buffer need not grow.
const ROOM: usize = 4 << 10;

/// Most bytes of a refused body that are still taken, and the longest that this may last: a client that is sending when its
/// connection closes may never see why.
const DISCARDED: usize = 2 * CSV_LIMIT;
const DISCARD_TIME: Duration = Duration::from_secs(10);

pub(crate) const JSON: &str = "application/json";
pub(crate) const CSV: &str = "text/csv";

/// A JSON or CSV body.
#[derive(Debug)]
pub enum Payload {
    /// `application/json`, not parsed yet.
    Json(Received),
    /// `text/csv`.
    Csv(Received),
}

/// A body that has arrived, with the account that holds its memory, where there is one.
#[derive(Debug)]
pub struct Received {
    bytes: Bytes,
    account: Option<Account>,
}

impl Received {
    /// Works on the bytes, where the threads that serve connections don't wait for it if there are many.
    ///
    /// A home without a budget takes one request at a time, so that no other waits.
    pub async fn work<T: Send + 'static>(
        self,
        work: impl FnOnce(&[u8]) -> T + Send + 'static,
    ) -> T {
        let Self { bytes, account } = self;
        match account {
            Some(account) => account.work(bytes.len(), move || work(&bytes)).await,
            None => work(&bytes),
        }
    }
}

/// A JSON body that is not parsed yet.
#[derive(Debug)]
pub struct Unparsed(pub Received);

impl<S: Sync> FromRequest<S> for Unparsed {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        match typed(&request, &[JSON]) {
            Ok(_) => read(request, JSON_LIMIT).await.map(Self),
            Err(refused) => Err(refuse(request, refused)),
        }
    }
}

/// A CSV body.
#[derive(Debug)]
pub struct CsvBody(pub Received);

impl<S: Sync> FromRequest<S> for CsvBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        match typed(&request, &[CSV]) {
            Ok(_) => read(request, CSV_LIMIT).await.map(Self),
            Err(refused) => Err(refuse(request, refused)),
        }
    }
}

/// A JSON body: of a request, read into `T`, or of an answer.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<S: Sync> FromRequest<S> for Payload {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        match typed(&request, &[JSON, CSV]) {
            Ok(JSON) => read(request, JSON_LIMIT).await.map(Self::Json),
            Ok(_) => read(request, CSV_LIMIT).await.map(Self::Csv),
            Err(refused) => Err(refuse(request, refused)),
        }
    }
}

impl<S: Sync, T: DeserializeOwned + Send + 'static> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        match typed(&request, &[JSON]) {
            Ok(_) => read(request, JSON_LIMIT).await?.work(parse).await.map(Self),
            Err(refused) => Err(refuse(request, refused)),
        }
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
    parse_seed(PhantomData, bytes)
}

/// Reads JSON with what the reader needs to know.
///
/// # Errors
/// As [`parse`].
pub fn parse_seed<'b, S: DeserializeSeed<'b>>(
    seed: S,
    bytes: &'b [u8],
) -> Result<S::Value, Problem> {
    let malformed = |error: &serde_json::Error| {
        Problem::malformed(format!("The body is not the JSON wanted here: {error}."))
    };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let mut track = Track::new();
    let value = seed.deserialize(serde_path_to_error::Deserializer::new(
        &mut deserializer,
        &mut track,
    ));
    let value = value.map_err(|error| match error.classify() {
        serde_json::error::Category::Data => {
            Problem::invalid((1, vec![unfit(&track.path(), &error)]))
        }
        _ => malformed(&error),
    })?;
    deserializer.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

/// Pointer and detail of a value that does not fit.
fn unfit(path: &Path, error: &serde_json::Error) -> (String, String) {
    let segments = path.iter().map(|segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => {
            // No more is repeated of it.
            let key = &key[..key.floor_char_boundary(LONGEST_ECHO)];
            format!("/{}", key.replace('~', "~0").replace('/', "~1"))
        }
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    });
    let detail = error.to_string();
    let detail = detail.split(" at line ").next().unwrap_or_default();
    // It may begin with what the client wrote.
    (segments.collect(), cut(detail.to_owned(), LONGEST_ECHO))
}

/// Which of the offered types the body has.
///
/// # Errors
/// 403 or 415.
fn typed<'o>(request: &Request, offered: &[&'o str]) -> Result<&'o str, Problem> {
    same_site(request.headers())?;
    media_type(request.headers(), offered)
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

/// Reads a body to its end, and holds its memory from the account of the request.
///
/// # Errors
/// 413 when it has more bytes than `limit`, or says so, 400 when it ends too early, 429 or 503 when no more memory can be held.
async fn read(mut request: Request, limit: usize) -> Result<Received, Problem> {
    let account = request.extensions_mut().remove::<Account>();
    match gather(request.body_mut(), limit, account.as_ref()).await {
        Ok(bytes) => {
            if let Some(account) = &account {
                account.arrived();
            }
            Ok(Received { bytes, account })
        }
        Err(refused) => Err(refuse(request, refused)),
    }
}

async fn gather(
    body: &mut Body,
    limit: usize,
    account: Option<&Account>,
) -> Result<Bytes, Problem> {
    let declared = body.size_hint().exact().map(usize::try_from);
    let most = match declared {
        Some(Ok(length)) if length <= limit => length,
        Some(_) => return Err(Problem::too_large(limit)),
        None => limit,
    };
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|_| Problem::malformed("The body ended before it was complete."))?;
        let data = frame.into_data().unwrap_or_default();
        let length = bytes.len() + data.len();
        if length > most {
            return Err(Problem::too_large(limit));
        }
        if length > bytes.capacity() {
            let room = (2 * bytes.capacity()).clamp(length, most.max(length));
            if let Some(account) = account {
                account.hold_body(room)?;
            }
            bytes.reserve_exact(room - bytes.len());
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.into())
}

/// Has what is left of a refused body thrown away while the refusal is on its way; not where the client waits to be told that it
/// may send it.
fn refuse(request: Request, refused: Problem) -> Problem {
    let waits = request.headers().contains_key(header::EXPECT);
    let mut body = request.into_body();
    if !waits && !body.is_end_stream() {
        tokio::spawn(tokio::time::timeout(DISCARD_TIME, async move {
            let mut discarded = 0;
            while let Some(Ok(frame)) = body.frame().await {
                discarded += frame.data_ref().map_or(0, Bytes::len);
                if discarded > DISCARDED {
                    break;
                }
            }
        }));
    }
    refused
}
