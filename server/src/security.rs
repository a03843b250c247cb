//! What every answer gets on its way out: headers that tell a browser to be strict. Refusals are counted there, too.

use crate::metrics::Refusals;
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

/// The end of each answer's way out of one server.
#[derive(Clone)]
pub struct Exit {
    policy: HeaderValue,
    refusals: Refusals,
}

impl Exit {
    /// One that counts refusals here.
    pub fn new(sign_in: Option<&SignIn>, refusals: Refusals) -> Self {
        let policy = policy(sign_in);
        Self { policy, refusals }
    }

    /// Counts a response if it is a refusal, and adds the headers.
    pub fn pass<B>(&self, mut response: Response<B>) -> Response<B> {
        if let Some(kind) = response.extensions().get() {
            self.refusals.count(*kind);
        }
        let headers = response.headers_mut();
        headers.reserve(HEADERS.len() + 1);
        headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        for (name, value) in &HEADERS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// The policy, in which pages may also talk to the issuer that signs people in.
fn policy(sign_in: Option<&SignIn>) -> HeaderValue {
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
