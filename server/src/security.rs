//! Headers that tell a browser to be strict.

use crate::settings::SignIn;
use axum::http::{HeaderName, HeaderValue, Response, Uri, header};

/// What the pages may load and do. The charts set styles on their elements, and draw to images that they make themselves.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

static HEADERS: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// The policy, in which pages may also talk to the issuer that signs people in.
pub fn policy(sign_in: Option<&SignIn>) -> HeaderValue {
    let issuer = sign_in.and_then(|sign_in| sign_in.issuer.parse::<Uri>().ok());
    let origin = issuer
        .as_ref()
        .and_then(|issuer| Some((issuer.scheme_str()?, issuer.authority()?)));
    let with_issuer = origin.and_then(|(scheme, authority)| {
        let sources = format!("; connect-src 'self' {scheme}://{authority}");
        HeaderValue::try_from(CONTENT_SECURITY_POLICY.to_owned() + &sources).ok()
    });
    with_issuer.unwrap_or(HeaderValue::from_static(CONTENT_SECURITY_POLICY))
}

/// Adds the headers to a response.
pub fn secured<B>(mut response: Response<B>, policy: &HeaderValue) -> Response<B> {
    let headers = response.headers_mut();
    headers.reserve(HEADERS.len() + 1);
    headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
    for (name, value) in &HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
