//! Signing in, where the settings want it: `/v1` takes only callers with a token of an OpenID Connect issuer.

use crate::claim::Claim;
use crate::settings::{SignIn, is_confidential};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use axum::routing::get;
use axum::{Json, Router};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, Header, Validation};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::error::Error;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};
use web::download::Withheld;
use web::{Caller, Problem};

/// After this time the keys are fetched anew, so that one that the issuer has withdrawn does not hold for ever.
const KEYS_AGE: Duration = Duration::from_secs(3600);
/// Times a minute that the issuer is asked at most, whatever keys the tokens name.
const FETCHES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(6).unwrap();
/// The longest that the issuer may take for each of its two documents.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest that a request waits for the keys.
const PATIENCE: Duration = Duration::from_secs(1);
/// What tokens for this may call themselves, also as media types: RFC 7519, section 5.1, and RFC 9068, section 2.1.
const TYPES: [&str; 2] = ["JWT", "at+jwt"];
const MEDIA_TYPE: &str = "application/";
/// The shortest RSA key, RFC 7518, section 3.3.
const RSA_BITS: usize = 2048;
/// Most bytes of each.
const DOCUMENT_LIMIT: u64 = 1 << 20;

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

/// The keys that tokens may be signed with, by their ids.
type Keys = HashMap<String, Arc<Key>>;

/// A key of the issuer, and the algorithms that it may be used with.
struct Key {
    decoding: DecodingKey,
    algorithms: Vec<Algorithm>,
}

/// Who signs people in.
pub struct Issuer {
    url: String,
    audience: String,
    export_claim: Option<Claim>,
    agent: Agent,
    known: Mutex<Known>,
    /// Closed as soon as the last fetch of the keys has ended.
    fetch: Mutex<watch::Receiver<()>>,
    fetches: DefaultDirectRateLimiter,
}

struct Known {
    keys: Keys,
    due: Instant,
}

#[derive(Deserialize)]
struct Claims {
    /// One text: the library would also take a list that has the issuer in it.
    #[serde(rename = "iss")]
    _issuer: String,
    sub: String,
    #[serde(flatten)]
    others: Map<String, Value>,
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
    /// Knows no key yet, but begins to fetch them.
    pub fn new(sign_in: &SignIn) -> Arc<Self> {
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
        let issuer = Arc::new(Self {
            url: sign_in.issuer.clone(),
            audience: sign_in.audience.clone(),
            export_claim: sign_in.export_claim.clone(),
            agent: agent.into(),
            known: Mutex::new(known),
            fetch: Mutex::new(watch::channel(()).1),
            fetches: RateLimiter::direct(Quota::per_minute(FETCHES_PER_MINUTE)),
        });
        issuer.fetched();
        issuer
    }

    /// Whom the request's token names. What this caller may not do is noted in the request.
    ///
    /// # Errors
    /// 401 where the request has no token that holds.
    pub async fn admit(self: &Arc<Self>, request: &mut Request) -> Result<Caller, Problem> {
        let claims = self.claims(request.headers()).await;
        let claims = claims.ok_or_else(Problem::unauthenticated)?;
        let wanted = self.export_claim.as_ref();
        if wanted.is_some_and(|claim| !claim.is_held(&claims.others)) {
            request.extensions_mut().insert(Withheld);
        }
        Ok(Caller(claims.sub))
    }

    /// What the request's token says, if it has one that holds.
    async fn claims(self: &Arc<Self>, headers: &HeaderMap) -> Option<Claims> {
        let mut credentials = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(credential), None) = (credentials.next(), credentials.next()) else {
            return None;
        };
        let (scheme, token) = credential.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let head = jsonwebtoken::decode_header(token).ok()?;
        if !is_understood(&head) {
            return None;
        }
        let key = self.key(&head.kid?).await?;
        // The key says which algorithms may be used, never the token.
        let mut validation = Validation::default();
        validation.algorithms.clone_from(&key.algorithms);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.set_issuer(&[&self.url]);
        validation.set_audience(&[&self.audience]);
        validation.validate_nbf = true;
        match jsonwebtoken::decode::<Claims>(token, &key.decoding, &validation) {
            Ok(token) => Some(token.claims).filter(|claims| !claims.sub.trim().is_empty()),
            Err(error) => {
                tracing::debug!(%error, "a token was refused");
                None
            }
        }
    }

    async fn key(self: &Arc<Self>, id: &str) -> Option<Arc<Key>> {
        if self.is_due() {
            // Nobody waits for it: until then the old keys hold.
            self.fetched();
        }
        if let Some(key) = self.known_key(id) {
            return Some(key);
        }
        let mut ended = self.fetched();
        // It ends by closing the channel, or goes on without this request.
        let _ = tokio::time::timeout(PATIENCE, ended.changed()).await;
        self.known_key(id)
    }

    fn known_key(&self, id: &str) -> Option<Arc<Key>> {
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

    /// Begins to fetch the keys, unless that is being done or was done too often. The channel closes when it has ended: one
    /// fetch serves all who wait for a key, and goes on when they no longer do.
    fn fetched(self: &Arc<Self>) -> watch::Receiver<()> {
        let mut last = self.fetch.lock().unwrap_or_else(PoisonError::into_inner);
        let has_ended = last.has_changed().is_err();
        if has_ended && self.fetches.check().is_ok() {
            let (end, ended) = watch::channel(());
            *last = ended;
            let issuer = Arc::clone(self);
            tokio::task::spawn_blocking(move || {
                issuer.fetch();
                drop(end);
            });
        }
        last.clone()
    }

    /// Replaces the keys by what the issuer now says, unless it does not answer.
    fn fetch(&self) {
        match published_keys(&self.agent, &self.url) {
            Ok(keys) => {
                tracing::info!(count = keys.len(), "fetched the issuer's keys");
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                known.keys = keys;
                known.due = Instant::now() + KEYS_AGE;
            }
            Err(error) => tracing::warn!(%error, "the issuer's keys could not be fetched"),
        }
    }
}

/// Whether a token is one to sign in with, and wants nothing understood that is not (RFC 7515, section 4.1.11; RFC 8725, section
/// 3.11).
fn is_understood(head: &Header) -> bool {
    let kind = head.typ.as_deref().unwrap_or("JWT");
    let short = match kind.split_at_checked(MEDIA_TYPE.len()) {
        Some((start, rest)) if start.eq_ignore_ascii_case(MEDIA_TYPE) => rest,
        _ => kind,
    };
    head.crit.is_none() && TYPES.iter().any(|known| known.eq_ignore_ascii_case(short))
}

/// The keys that an issuer publishes and that can be used here.
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
        let id = key.common.key_id.clone()?;
        let usable = usable(&key);
        if usable.is_none() && key.common.public_key_use != Some(PublicKeyUse::Encryption) {
            tracing::warn!(id, "a key of the issuer can't be used");
        }
        Some((id, Arc::new(usable?)))
    });
    Ok(keys.collect())
}

/// A key that checks signatures, is long enough, and needs no secret; with its own algorithm, or those that fit it where it names
/// none.
fn usable(key: &Jwk) -> Option<Key> {
    let common = &key.common;
    let signs = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature));
    let operations = common.key_operations.as_ref();
    let verifies = operations.is_none_or(|known| known.contains(&KeyOperations::Verify));
    if !(signs && verifies) {
        return None;
    }
    let mut algorithms = match &key.algorithm {
        AlgorithmParameters::RSA(_) => AlgorithmFamily::Rsa.algorithms().to_vec(),
        AlgorithmParameters::EllipticCurve(it) if it.curve == EllipticCurve::P256 => {
            vec![Algorithm::ES256]
        }
        AlgorithmParameters::EllipticCurve(it) if it.curve == EllipticCurve::P384 => {
            vec![Algorithm::ES384]
        }
        AlgorithmParameters::OctetKeyPair(it) if it.curve == EllipticCurve::Ed25519 => {
            vec![Algorithm::EdDSA]
        }
        _ => return None,
    };
    if let Some(own) = common.key_algorithm {
        let own = Algorithm::try_from(own).ok()?;
        algorithms.retain(|fitting| *fitting == own);
    }
    let decoding = DecodingKey::from_jwk(key).ok()?;
    let long_enough = match decoding.kind() {
        DecodingKeyKind::RsaModulusExponent { n, .. } => bits(n) >= RSA_BITS,
        DecodingKeyKind::SecretOrDer(_) => true,
    };
    (long_enough && !algorithms.is_empty()).then_some(Key {
        decoding,
        algorithms,
    })
}

/// The length of a number in bits.
fn bits(big_endian: &[u8]) -> usize {
    let zeros = big_endian.iter().take_while(|byte| **byte == 0).count();
    let significant = &big_endian[zeros..];
    let first = significant.first().map_or(0, |byte| byte.leading_zeros());
    8 * significant.len() - first as usize
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The algorithms that a published key may be used with.
    fn algorithms(key: Value) -> Option<Vec<Algorithm>> {
        let key: Jwk = serde_json::from_value(key).unwrap();
        Some(usable(&key)?.algorithms)
    }

    /// An RSA key whose modulus has this many bits.
    fn rsa(bits: usize) -> Value {
        let mut modulus = vec![0xff; bits.div_ceil(8)];
        modulus[0] >>= modulus.len() * 8 - bits;
        json!({"kty": "RSA", "kid": "a", "e": "AQAB", "n": base64(&modulus)})
    }

    /// RFC 4648's base64url of ones and a first byte, in whole groups.
    fn base64(bytes: &[u8]) -> String {
        use jsonwebtoken::{EncodingKey, jwk::Jwk};
        // A shared secret is published as its bytes.
        let secret = Jwk::from_encoding_key(&EncodingKey::from_secret(bytes), Algorithm::HS256);
        let document = serde_json::to_value(secret.unwrap()).unwrap();
        document["k"].as_str().unwrap().to_owned()
    }

    fn but(mut key: Value, member: &str, value: Value) -> Value {
        key[member] = value;
        key
    }

    #[test]
    fn rsa_keys_are_used_from_2048_bits_on() {
        assert!(algorithms(rsa(2048)).is_some());
        assert!(algorithms(rsa(2047)).is_none());
        let padded = {
            let mut modulus = vec![0; 200];
            modulus.extend([0xff; 128]);
            but(rsa(2048), "n", json!(base64(&modulus)))
        };
        assert!(algorithms(padded).is_none());
    }

    #[test]
    fn key_is_used_with_its_own_algorithm_or_those_that_fit_it() {
        let all = AlgorithmFamily::Rsa.algorithms().to_vec();
        assert_eq!(algorithms(rsa(2048)), Some(all));
        let own = |name: &str| algorithms(but(rsa(2048), "alg", json!(name)));
        assert_eq!(own("PS384"), Some(vec![Algorithm::PS384]));
        for name in ["ES256", "HS256", "RSA-OAEP", "none"] {
            assert_eq!(own(name), None, "{name}");
        }
        let zeros = |count| base64(&vec![0; count]);
        let curve = json!({"kty": "EC", "crv": "P-256", "x": zeros(32), "y": zeros(32)});
        assert_eq!(algorithms(curve.clone()), Some(vec![Algorithm::ES256]));
        assert_eq!(algorithms(but(curve.clone(), "alg", json!("ES384"))), None);
        assert_eq!(algorithms(but(curve, "crv", json!("P-521"))), None);
        let edwards = json!({"kty": "OKP", "crv": "Ed25519", "x": zeros(32)});
        assert_eq!(algorithms(edwards), Some(vec![Algorithm::EdDSA]));
        assert_eq!(algorithms(json!({"kty": "oct", "k": zeros(32)})), None);
    }

    #[test]
    fn key_for_another_use_is_not_used() {
        assert!(algorithms(but(rsa(2048), "use", json!("enc"))).is_none());
        assert!(algorithms(but(rsa(2048), "use", json!("sig"))).is_some());
        assert!(algorithms(but(rsa(2048), "key_ops", json!(["encrypt"]))).is_none());
        assert!(algorithms(but(rsa(2048), "key_ops", json!(["verify"]))).is_some());
    }
}
