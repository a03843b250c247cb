//! The bytes of a connection on their way out. What hyper refuses by itself, because it can't read it, leaves as a problem
//! document like every other refusal.

use crate::security::Exit;
use crate::slots::Activity;
use axum::http::StatusCode;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;
use tokio::net::TcpStream;
use web::Problem;
use web::problem::Kind;

/// Most bytes of an answer that hyper writes by itself.
const LONGEST_BARE: usize = 160;

/// One side of a connection, as hyper takes it.
pub struct Wire {
    stream: TokioIo<TcpStream>,
    activity: Arc<Activity>,
    exit: Exit,
    /// What leaves in place of what hyper wrote, and how much of it has left.
    refusal: Option<(Vec<u8>, usize)>,
}

impl Wire {
    /// Nothing has left yet; refusals leave by `exit`.
    pub fn new(stream: TcpStream, activity: Arc<Activity>, exit: Exit) -> Self {
        Self {
            stream: TokioIo::new(stream),
            activity,
            exit,
            refusal: None,
        }
    }

    /// Writes the refusal that takes the place of `written` bytes.
    fn poll_refusal(
        &mut self,
        context: &mut Context<'_>,
        written: usize,
    ) -> Poll<io::Result<usize>> {
        while let Some((refusal, left)) = &mut self.refusal {
            let count = ready!(Pin::new(&mut self.stream).poll_write(context, &refusal[*left..]))?;
            *left += count;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            if *left == refusal.len() {
                self.refusal = None;
            }
        }
        Poll::Ready(Ok(written))
    }

    fn takes_the_place_of(&mut self, bytes: &[u8]) -> bool {
        if self.refusal.is_none()
            && let Some(status) = bare_refusal(bytes)
        {
            self.refusal = Some((refusal(unreadable(status), &self.exit), 0));
        }
        self.refusal.is_some()
    }
}

impl Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl Write for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.activity.spoke();
        if self.takes_the_place_of(bytes) {
            return self.poll_refusal(context, bytes.len());
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.activity.spoke();
        if let [bytes] = parts
            && self.takes_the_place_of(bytes)
        {
            return self.poll_refusal(context, bytes.len());
        }
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Whether these bytes are a whole refusal of hyper's own: nothing but a status and the headers of an empty body. Ours have more.
fn bare_refusal(bytes: &[u8]) -> Option<StatusCode> {
    let status = match bytes.get(..13)? {
        b"HTTP/1.1 400 " | b"HTTP/1.0 400 " => StatusCode::BAD_REQUEST,
        b"HTTP/1.1 414 " | b"HTTP/1.0 414 " => StatusCode::URI_TOO_LONG,
        b"HTTP/1.1 431 " | b"HTTP/1.0 431 " => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        _ => return None,
    };
    if bytes.len() > LONGEST_BARE {
        return None;
    }
    let head = std::str::from_utf8(bytes).ok()?.strip_suffix("\r\n\r\n")?;
    let bare = head.split("\r\n").skip(1).all(|line| {
        let name = line.split(':').next().unwrap_or_default();
        ["connection", "content-length", "date"].contains(&name)
    });
    bare.then_some(status)
}

fn unreadable(status: StatusCode) -> Problem {
    match status {
        StatusCode::URI_TOO_LONG => {
            Problem::new(Kind::AddressTooLong, "The request's address is too long.")
        }
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Problem::new(
            Kind::HeadersTooLarge,
            format!(
                "The request's first line and headers may have at most {} bytes, and 100 fields.",
                crate::connections::HEAD_LIMIT
            ),
        ),
        _ => Problem::malformed("The request's first line or its headers are not HTTP/1.1."),
    }
}

/// A refusal of what is no request, as bytes that end the connection.
pub fn refusal(problem: Problem, exit: &Exit) -> Vec<u8> {
    let (parts, document) = exit.pass(web::refusal(problem)).into_parts();
    let mut bytes = format!(
        "HTTP/1.1 {}\r\nconnection: close\r\ncontent-length: {}\r\ndate: {}\r\n",
        parts.status,
        document.len(),
        httpdate::fmt_http_date(SystemTime::now())
    )
    .into_bytes();
    for (name, value) in &parts.headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&document);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_hyper_writes_by_itself_is_taken_for_a_refusal_of_its_own() {
        let bare = |text: &str| bare_refusal(text.as_bytes()).map(|status| status.as_u16());
        let date = "date: Thu, 01 Jan 2026 00:00:00 GMT";
        let close = "connection: close\r\ncontent-length: 0";
        assert_eq!(
            bare(&format!(
                "HTTP/1.1 400 Bad Request\r\n{close}\r\n{date}\r\n\r\n"
            )),
            Some(400)
        );
        assert_eq!(
            bare("HTTP/1.0 414 URI Too Long\r\ncontent-length: 0\r\n\r\n"),
            Some(414)
        );
        for other in [
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nx-request-id: a\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\nbody",
            "HTTP/1.1 400 Bad Request\r\n",
            "HTTP/1.1 400",
        ] {
            assert_eq!(bare(other), None, "{other:?}");
        }
    }
}
