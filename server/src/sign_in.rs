//! Signing in, where the settings want it: `/v1` takes only callers with a token of an OpenID Connect issuer.

use crate::settings::{SignIn, is_confidential};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{AlgorithmFamily, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::json;
use std::collections::HashMap;
use std::error::Error;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};
use web::{Caller, Problem};

/// After this time the keys are fetched anew, so that one that the issuer has withdrawn does not hold for ever.
const KEYS_AGE: Duration = Duration::from_secs(3600);
/// Times a minute that the issuer is asked at most, whatever keys the tokens name.
const FETCHES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(6).unwrap();
/// The longest that the issuer may take for each of its two documents.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// Most bytes of each.
const DOCUMENT_LIMIT: u64 = 1 << 20;

/// Lets only those pass who are signed in, if there is somebody to sign in with.
pub fn required(router: Router, sign_in: Option<&SignIn>) -> Router {
    let Some(sign_in) = sign_in else {
        return router;
    };
    let issuer = Arc::new(Issuer::new(sign_in));
    router.route_layer(middleware::from_fn_with_state(issuer, pass))
}

/// What the dashboard must know to sign people in, if it is to.
pub fn for_the_dashboard(sign_in: Option<&SignIn>) -> Router {
    let Some((sign_in, client_id)) = sign_in.and_then(|it| Some((it, it.client_id.as_ref()?)))
    else {
        return Router::new();
    };
    let SignIn { issuer, scope, .. } = sign_in;
    let known = Json(json!({"authority": issuer, "client_id": client_id, "scope": scope}));
    Router::new().route("/sign-in.json", get(async move || known.clone()))
}

async fn pass(State(issuer): State<Arc<Issuer>>, request: Request, next: Next) -> Response {
    let Some(caller) = issuer.caller(request.headers()).await else {
        return Problem::unauthenticated().into_response();
    };
    let mut response = next.run(request).await;
    response.extensions_mut().insert(caller);
    response
}

type Keys = HashMap<String, DecodingKey>;

struct Issuer {
    url: String,
    audience: String,
    agent: Agent,
    known: Mutex<Known>,
    /// Held while the keys are fetched, so that one fetch serves all who wait for a key.
    fetching: tokio::sync::Mutex<()>,
    fetches: DefaultDirectRateLimiter,
}

struct Known {
    keys: Keys,
    due: Instant,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct KeyDocument {
    keys: Vec<serde_json::Value>,
}

impl Issuer {
    fn new(sign_in: &SignIn) -> Self {
        let roots = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let agent = Agent::config_builder()
            .tls_config(roots)
            .timeout_global(Some(FETCH_TIMEOUT))
            .max_redirects(0)
            .build();
        let known = Known {
            keys: Keys::new(),
            due: Instant::now() + KEYS_AGE,
        };
        Self {
            url: sign_in.issuer.clone(),
            audience: sign_in.audience.clone(),
            agent: agent.into(),
            known: Mutex::new(known),
            fetching: tokio::sync::Mutex::default(),
            fetches: RateLimiter::direct(Quota::per_minute(FETCHES_PER_MINUTE)),
        }
    }

    /// Whom the request's token names, if it has one that holds.
    async fn caller(self: &Arc<Self>, headers: &HeaderMap) -> Option<Caller> {
        let mut credentials = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(credential), None) = (credentials.next(), credentials.next()) else {
            return None;
        };
        let (scheme, token) = credential.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let id = jsonwebtoken::decode_header(token).ok()?.kid?;
        let key = self.key(&id).await?;
        // The key says which algorithms may be used, never the token.
        let mut validation = Validation::new_for_family(key.family());
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.set_issuer(&[&self.url]);
        validation.set_audience(&[&self.audience]);
        validation.validate_nbf = true;
        match jsonwebtoken::decode::<Claims>(token, &key, &validation) {
            Ok(token) => Some(Caller(token.claims.sub)),
            Err(error) => {
                tracing::debug!(%error, "a token was refused");
                None
            }
        }
    }

    async fn key(self: &Arc<Self>, id: &str) -> Option<DecodingKey> {
        if self.is_due() {
            // Nobody waits for it: until then the old keys hold.
            let issuer = Arc::clone(self);
            tokio::spawn(async move { issuer.fetch().await });
        }
        if let Some(key) = self.known_key(id) {
            return Some(key);
        }
        let _fetching = self.fetching.lock().await;
        if let Some(key) = self.known_key(id) {
            return Some(key);
        }
        self.fetch().await;
        self.known_key(id)
    }

    fn known_key(&self, id: &str) -> Option<DecodingKey> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.keys.get(id).cloned()
    }

    /// Whether it is time to fetch the keys; says so once.
    fn is_due(&self) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let due = known.due <= now;
        if due {
            known.due = now + KEYS_AGE;
        }
        due
    }

    /// Replaces the keys by what the issuer now says, unless it was asked too often or does not answer.
    async fn fetch(&self) {
        if self.fetches.check().is_err() {
            return;
        }
        let (agent, url) = (self.agent.clone(), self.url.clone());
        let fetched = tokio::task::spawn_blocking(move || {
            published_keys(&agent, &url).map_err(|error| error.to_string())
        });
        match fetched.await {
            Ok(Ok(keys)) => {
                tracing::info!(count = keys.len(), "fetched the issuer's keys");
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                known.keys = keys;
                known.due = Instant::now() + KEYS_AGE;
            }
            Ok(Err(error)) => tracing::warn!(error, "the issuer's keys could not be fetched"),
            Err(error) => tracing::error!(%error, "fetching the issuer's keys failed"),
        }
    }
}

/// The keys that an issuer publishes, by their ids.
fn published_keys(agent: &Agent, issuer: &str) -> Result<Keys, Box<dyn Error>> {
    let address = issuer.trim_end_matches('/').to_owned() + "/.well-known/openid-configuration";
    let discovery: Discovery = document(agent, &address)?;
    if discovery.issuer != issuer {
        return Err(format!("{address} describes another issuer, {}", discovery.issuer).into());
    }
    if !is_confidential(&discovery.jwks_uri) {
        return Err(format!("{} is no https address", discovery.jwks_uri).into());
    }
    let published: KeyDocument = document(agent, &discovery.jwks_uri)?;
    // A kind of key that is not known here must not spoil the others.
    let keys = published.keys.into_iter().filter_map(|key| {
        let key: Jwk = serde_json::from_value(key).ok()?;
        let signs = matches!(
            key.common.public_key_use,
            None | Some(PublicKeyUse::Signature)
        );
        let decoding = DecodingKey::from_jwk(&key).ok()?;
        let usable = signs && decoding.family() != AlgorithmFamily::Hmac;
        Some((key.common.key_id.filter(|_| usable)?, decoding))
    });
    Ok(keys.collect())
}

fn document<T: serde::de::DeserializeOwned>(
    agent: &Agent,
    address: &str,
) -> Result<T, ureq::Error> {
    let mut answer = agent.get(address).call()?;
    answer
        .body_mut()
        .with_config()
        .limit(DOCUMENT_LIMIT)
        .read_json()
}
