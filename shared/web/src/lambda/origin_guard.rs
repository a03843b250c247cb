//! Whether a request came by way of the content delivery network, which adds a secret header.

use crate::Problem;
use crate::problem::Kind;
use axum::http::HeaderMap;
use hmac::digest::{CtOutput, Output};
use sha2::{Digest, Sha256};

/// The header that CloudFront adds, in place of what a viewer sends under that name.
const HEADER: &str = "x-origin-secret";

/// Values that count at the same time: a new one and the one that it replaces.
const MOST_VALUES: usize = 2;

/// Knows the accepted values of the header by their hashes. Without any it lets everything through.
pub struct OriginGuard(Vec<CtOutput<Sha256>>);

impl OriginGuard {
    /// The guard that `ORIGIN_SECRET_SHA256` describes, as `variable` reads it.
    ///
    /// # Errors
    /// When it holds anything but one or two digests: a guard that was misspelt must not stand open.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let text = variable("ORIGIN_SECRET_SHA256").unwrap_or_default();
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let digests: Option<Vec<_>> = text.split(',').map(digest).collect();
        digests
            .filter(|digests| digests.len() <= MOST_VALUES)
            .map(Self)
            .ok_or_else(|| {
                "ORIGIN_SECRET_SHA256 must be one or two SHA-256 digests of 64 hexadecimal digits, separated by a comma"
                    .to_owned()
            })
    }

    /// Whether these are the headers of a request that may pass.
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        let value = headers
            .get(HEADER)
            .map_or(&b""[..], |value| value.as_bytes());
        let digest = CtOutput::new(Sha256::digest(value));
        // Each comparison takes the same time, and none is left out.
        let known = |any, accepted: &CtOutput<Sha256>| any | (*accepted == digest);
        self.0.is_empty() || self.0.iter().fold(false, known)
    }
}

fn digest(text: &str) -> Option<CtOutput<Sha256>> {
    let mut digest = Output::<Sha256>::default();
    hex::decode_to_slice(text.trim(), &mut digest).ok()?;
    Some(CtOutput::new(digest))
}

/// 403: the request did not come through the product's own address.
pub fn wrong_origin() -> Problem {
    Problem::new(
        Kind::WrongOrigin,
        "The API answers at the address of the dashboard only.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    // From Python: hashlib.sha256(b"the first secret"), and of b"the second secret".
    const FIRST: &str = "5c2f1ab8512100ebf679ac0f3c3a083f8b5227fc36c92caac648bb7c9397eae3";
    const SECOND: &str = "9bcb56a87fe6d3f9b0fe8963969248192580f1ad7c95893717af7c9fee37b9dd";

    fn guard(text: &str) -> Result<OriginGuard, String> {
        OriginGuard::from_variables(|name| {
            (name == "ORIGIN_SECRET_SHA256").then(|| text.to_owned())
        })
    }

    fn admits(guard: &OriginGuard, value: Option<&'static str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(value) = value {
            headers.insert("x-origin-secret", HeaderValue::from_static(value));
        }
        guard.admits(&headers)
    }

    #[test]
    fn the_secret_alone_passes_and_during_a_rotation_both() {
        let one = guard(FIRST).unwrap();
        let both = guard(&format!("{SECOND}, {}", FIRST.to_uppercase())).unwrap();
        for (value, of_one, of_both) in [
            (Some("the first secret"), true, true),
            (Some("the second secret"), false, true),
            (Some("the first secret,the first secret"), false, false),
            (Some(FIRST), false, false),
            (Some(""), false, false),
            (None, false, false),
        ] {
            assert_eq!(admits(&one, value), of_one, "{value:?}");
            assert_eq!(admits(&both, value), of_both, "{value:?}");
        }
    }

    #[test]
    fn a_guard_that_is_not_set_lets_everything_through() {
        assert!(admits(&guard("").unwrap(), None));
        let unset = OriginGuard::from_variables(|_| None).unwrap();
        assert!(admits(&unset, Some("anything")));
    }

    #[test]
    fn a_guard_that_was_misspelt_is_refused() {
        let three = [FIRST, SECOND, FIRST].join(",");
        for text in [
            " ",
            ",",
            &FIRST[1..],
            &format!("{FIRST},"),
            "the first secret",
            &three,
        ] {
            assert!(guard(text).is_err(), "{text:?}");
        }
    }
}
