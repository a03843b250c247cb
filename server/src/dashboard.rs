//! The static dashboard: the files of a folder, read once at startup and answered from memory.
//!
//! What is not in the folder then can't be asked for: paths are looked up in a table and never in the file system. Dotfiles, links and
//! special files don't get into it.

use crate::encoding;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use headers::{
    AcceptRanges, ContentRange, ETag, HeaderMapExt, IfMatch, IfModifiedSince, IfNoneMatch, IfRange,
    IfUnmodifiedSince, LastModified,
};
use http_range_header::parse_range_header;
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use web::Problem;
use web::problem::Kind;

/// Most bytes of all files together, and so of memory for them as they are; their compressed forms are smaller.
const FOLDER_LIMIT: u64 = 16 << 20;
/// Most files.
const MOST_FILES: usize = 4096;

/// Below this path a file's name holds a hash of its content, so that it never changes.
const HASHED: &str = "/assets/";
const PAGE: &str = "index.html";

/// Serves the files of a folder; where it has no page, `/` says how to make it.
///
/// # Errors
/// A file that can't be read, or more files than are held in memory.
pub fn service(folder: &Path) -> io::Result<Router> {
    let files = if folder.join(PAGE).is_file() {
        read(folder)?
    } else {
        HashMap::new()
    };
    Ok(Router::new().fallback(answer).with_state(Arc::new(files)))
}

/// The files by their paths, without percent-encoding.
type Files = HashMap<String, File>;

async fn answer(State(files): State<Arc<Files>>, request: Request) -> Result<Response, Problem> {
    let file = find(&files, request.uri().path()).ok_or_else(|| {
        if files.is_empty() && request.uri().path() == "/" {
            not_built()
        } else {
            Problem::unknown_path()
        }
    })?;
    if *request.method() == Method::GET || *request.method() == Method::HEAD {
        file.answer(request.method(), request.headers())
    } else {
        let allow = HeaderValue::from_static("GET,HEAD");
        Err(Problem::method_not_allowed(Some(&allow)))
    }
}

/// A path that ends in a slash is that of the page in this folder.
fn find<'f>(files: &'f Files, path: &str) -> Option<&'f File> {
    let mut path: Cow<'_, str> = percent_decode_str(path).decode_utf8().ok()?;
    if path.ends_with('/') {
        path.to_mut().push_str(PAGE);
    }
    files.get(path.as_ref())
}

fn not_built() -> Problem {
    Problem::new(
        Kind::DashboardNotBuilt,
        "Run `make dashboard` and start the server again, or `make run` for both.",
    )
}

/// Reads a folder and those in it.
fn read(folder: &Path) -> io::Result<Files> {
    let mut files = Files::new();
    let mut room = FOLDER_LIMIT;
    let mut folders = vec![(folder.to_owned(), "/".to_owned())];
    while let Some((folder, path)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| at(&folder, &error))? {
            let entry = entry.map_err(|error| at(&folder, &error))?;
            // A name that is not UTF-8 can't be linked to.
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if name.starts_with('.') {
                continue;
            }
            // That of the entry, not of what a link leads to.
            let kind = entry
                .file_type()
                .map_err(|error| at(&entry.path(), &error))?;
            let path = path.clone() + &name;
            if kind.is_dir() {
                folders.push((entry.path(), path + "/"));
            } else if kind.is_file() {
                let file = File::read(&entry.path(), &path, room)
                    .map_err(|error| at(&entry.path(), &error))?;
                room -= file.plain.bytes.len() as u64;
                files.insert(path, file);
                if files.len() > MOST_FILES {
                    return Err(at(&folder, &too_much()));
                }
            }
        }
    }
    Ok(files)
}

/// An error with the place at which it happened.
fn at(place: &Path, error: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("DASHBOARD_DIR: {}: {error}", place.display()),
    )
}

fn too_much() -> io::Error {
    io::Error::other(format!(
        "a dashboard has at most {FOLDER_LIMIT} bytes in {MOST_FILES} files"
    ))
}

/// A file in each of its encodings.
struct File {
    kind: HeaderValue,
    modified: Option<SystemTime>,
    is_hashed: bool,
    plain: Representation,
    gzip: Option<Representation>,
}

/// What is sent of a file in one encoding.
struct Representation {
    bytes: Bytes,
    etag: ETag,
}

impl Representation {
    fn new(bytes: Vec<u8>) -> Self {
        let hash = hex::encode(&Sha256::digest(&bytes)[..16]);
        let etag = format!("\"{hash}\"").parse();
        Self {
            bytes: bytes.into(),
            etag: etag.expect("hexadecimal digits in quotes are an etag"),
        }
    }
}

impl File {
    /// Reads a file, unless it has more bytes than there is room for.
    fn read(place: &Path, path: &str, room: u64) -> io::Result<Self> {
        let file = fs::File::open(place)?;
        let modified = file.metadata()?.modified()?;
        let mut bytes = Vec::new();
        file.take(room + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > room {
            return Err(too_much());
        }
        let kind = mime_guess::from_path(path)
            .first_raw()
            .unwrap_or("application/octet-stream");
        Ok(Self {
            kind: HeaderValue::from_static(kind),
            // HTTP's dates begin in 1970, and none may lie in the future.
            modified: (modified >= UNIX_EPOCH).then(|| modified.min(SystemTime::now())),
            is_hashed: path.starts_with(HASHED),
            gzip: encoding::gzip(&bytes).map(Representation::new),
            plain: Representation::new(bytes),
        })
    }

    /// The answer to a GET or HEAD, after its conditions in the order of RFC 9110, section 13.2.2.
    fn answer(&self, method: &Method, headers: &HeaderMap) -> Result<Response, Problem> {
        let range = headers
            .get(header::RANGE)
            .filter(|_| *method == Method::GET);
        let gzip = self.gzip.as_ref();
        // A range is one of the file as it is.
        let encoded = gzip.filter(|_| range.is_none() && encoding::prefers_gzip(headers));
        let chosen = encoded.unwrap_or(&self.plain);

        let holds = match headers.typed_get::<IfMatch>() {
            Some(condition) => condition.precondition_passes(&chosen.etag),
            None => self.holds(headers.typed_get(), IfUnmodifiedSince::precondition_passes),
        };
        if !holds {
            return Err(precondition_failed());
        }
        let is_news = match headers.typed_get::<IfNoneMatch>() {
            Some(condition) => condition.precondition_passes(&chosen.etag),
            None => self.holds(headers.typed_get(), IfModifiedSince::is_modified),
        };

        let mut response = Response::default();
        let about = response.headers_mut();
        about.typed_insert(chosen.etag.clone());
        if let Some(modified) = self.modified {
            about.typed_insert(LastModified::from(modified));
        }
        about.insert(header::CACHE_CONTROL, self.lifetime());
        if gzip.is_some() {
            about.insert(header::VARY, header::ACCEPT_ENCODING.into());
        }
        if !is_news {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Ok(response);
        }
        about.insert(header::CONTENT_TYPE, self.kind.clone());
        about.typed_insert(AcceptRanges::bytes());
        if encoded.is_some() {
            about.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let length = chosen.bytes.len() as u64;
        match range.and_then(|value| self.part(value, headers)) {
            None => *response.body_mut() = chosen.bytes.clone().into(),
            Some(part) if part.is_empty() => return Err(not_satisfiable(length)),
            Some(part) => {
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                if let Ok(said) = ContentRange::bytes(part.clone(), length) {
                    response.headers_mut().typed_insert(said);
                }
                // Both ends are at most the length, which fits.
                let part = part.start as usize..part.end as usize;
                *response.body_mut() = chosen.bytes.slice(part).into();
            }
        }
        Ok(response)
    }

    /// Whether a condition on the file's time holds; it does where either is missing.
    fn holds<C>(&self, condition: Option<C>, check: fn(&C, SystemTime) -> bool) -> bool {
        let both = condition.zip(self.modified);
        both.is_none_or(|(condition, modified)| check(&condition, modified))
    }

    /// How long a browser may keep the file: for ever where its name changes with its content, else until it has asked.
    fn lifetime(&self) -> HeaderValue {
        HeaderValue::from_static(if self.is_hashed {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        })
    }

    /// The part that is asked for, empty if the file has none of it. All of the file is sent where several parts are asked for,
    /// where the value makes no sense, and where the file is not the one of which the client has the rest.
    fn part(&self, range: &HeaderValue, headers: &HeaderMap) -> Option<Range<u64>> {
        if let Some(condition) = headers.typed_get::<IfRange>() {
            let modified = self.modified.map(LastModified::from);
            if condition.is_modified(Some(&self.plain.etag), modified.as_ref()) {
                return None;
            }
        }
        let parsed = parse_range_header(range.to_str().ok()?).ok()?;
        if parsed.len() > 1 {
            return None;
        }
        match parsed.validate(self.plain.bytes.len() as u64).as_deref() {
            Ok([part]) => Some(*part.start()..part.end() + 1),
            Ok(_) => None,
            Err(_) => Some(0..0),
        }
    }
}

fn precondition_failed() -> Problem {
    Problem::new(
        Kind::PreconditionFailed,
        "The file is not the one that the request's condition names.",
    )
}

fn not_satisfiable(length: u64) -> Problem {
    let problem = Problem::new(
        Kind::RangeNotSatisfiable,
        format!("The file has {length} bytes."),
    );
    match HeaderValue::try_from(format!("bytes */{length}")) {
        Ok(said) => problem.with_header(header::CONTENT_RANGE, said),
        Err(_) => problem,
    }
}
