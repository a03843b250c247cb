//! Content encodings: what is worth compressing, and for whom.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

/// Bytes from which on an answer is worth compressing: what fits one packet is not.
pub const COMPRESSED_FROM: u64 = 1400;

/// Bytes in gzip's format, unless they are few, or hardly become fewer.
pub fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    if (bytes.len() as u64) < COMPRESSED_FROM {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).ok()?;
    let compressed = encoder.finish().ok()?;
    (compressed.len() < bytes.len() / 10 * 9).then_some(compressed)
}

/// Whether a client would rather have gzip than the bytes as they are (RFC 9110, section 12.5.3).
pub fn prefers_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut plain, mut others) = (None, None, None);
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    for coding in values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
    {
        let (name, quality) = web::negotiation::range(coding);
        match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => gzip = Some(quality),
            "identity" => plain = Some(quality),
            "*" => others = Some(quality),
            _ => {}
        }
    }
    let gzip = gzip.or(others).unwrap_or(0.0);
    gzip > 0.0 && gzip >= plain.unwrap_or(0.0)
}

/// Leaves of the encodings that a request accepts only what concerns the server, so that one which it has none of is disregarded
/// instead of refused.
pub fn settled(mut request: Request) -> Request {
    let headers = request.headers_mut();
    if prefers_gzip(headers) {
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    } else {
        headers.remove(header::ACCEPT_ENCODING);
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(values: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
        }
        prefers_gzip(&headers)
    }

    #[test]
    fn gzip_is_preferred_where_it_is_accepted() {
        for values in [
            &["gzip"][..],
            &["br, GZIP;q=0.5"],
            &["br", "x-gzip"],
            &["*"],
            &["identity;q=0.5, *;q=0.6"],
            &["gzip, identity"],
        ] {
            assert!(accepting(values), "{values:?}");
        }
        for values in [
            &[][..],
            &[""],
            &["br"],
            &["gzip;q=0"],
            &["gzip;q=0, *"],
            &["gzip;q=0.1, identity"],
            &["identity;q=0"],
            &["*;q=0"],
        ] {
            assert!(!accepting(values), "{values:?}");
        }
    }

    #[test]
    fn little_and_random_bytes_are_not_compressed() {
        assert!(gzip(&[b'a'; 1399]).is_none());
        assert!(gzip(&[b'a'; 1400]).is_some_and(|compressed| compressed.len() < 100));
        let mut state = 1_u32;
        let random: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(5_000)
        .collect();
        assert!(gzip(&random).is_none());
    }
}
