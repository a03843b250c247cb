//! The log's key: it makes the subjects and the hashes of the lines.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The secret of a usage log, with the id that lines name it by.
#[derive(Clone)]
pub struct Key {
    id: String,
    mac: Hmac<Sha256>,
}

impl Key {
    /// A secret shorter than this, in bytes, can be found by trying: customer ids are easy to list.
    const SHORTEST: usize = 16;

    /// The key whose secret is these bytes. Without an id, one is derived from the secret, the same each time.
    pub fn new(secret: &[u8], id: Option<&str>) -> Self {
        let mac = Hmac::new_from_slice(secret).expect("an HMAC takes a key of any length");
        let mut key = Self {
            id: String::new(),
            mac,
        };
        key.id = id.map_or_else(|| key.sign(b"key id")[..8].to_owned(), str::to_owned);
        key
    }

    /// The key that `USAGE_LOG_KEY` and `USAGE_LOG_KEY_ID` describe, as `variable` reads them; `None` without the first.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let filled = |name| variable(name).filter(|value| !value.is_empty());
        let unnamed = Self::from_secret(&filled("USAGE_LOG_KEY")?)?;
        let id = filled("USAGE_LOG_KEY_ID").filter(|id| {
            let usable = Self::is_id(id);
            if !usable {
                tracing::warn!(
                    "USAGE_LOG_KEY_ID must be 1 to 64 letters, digits, '-', '_' and '.'; the key is named after its secret"
                );
            }
            usable
        });
        Some(Self {
            id: id.unwrap_or(unnamed.id),
            ..unnamed
        })
    }

    /// The key with this secret, and an id derived from it; `None` for an empty one. A short one draws a warning.
    pub(crate) fn from_secret(secret: &str) -> Option<Self> {
        if secret.len() < Self::SHORTEST {
            tracing::warn!(
                "the usage log's key has {} bytes; with fewer than {} the subjects can be guessed",
                secret.len(),
                Self::SHORTEST
            );
        }
        (!secret.is_empty()).then(|| Self::new(secret.as_bytes(), None))
    }

    /// Whether a key can have this name: it is part of each line, and of command lines.
    pub fn is_id(text: &str) -> bool {
        (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    }

    /// A random key that lives as long as the process.
    ///
    /// # Panics
    /// When the operating system has no random bytes to give.
    pub(super) fn for_this_process() -> Self {
        Self::new(
            &random::<32>(),
            Some(&format!("process-{}", hexadecimal(&random::<4>()))),
        )
    }

    /// The name under which lines refer to this key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// HMAC-SHA256 of a message, 64 hexadecimal digits.
    pub(super) fn sign(&self, message: &[u8]) -> String {
        let mac = self.mac.clone().chain_update(message).finalize();
        hexadecimal(&mac.into_bytes())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Key")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Bytes in lower-case digits. Each line has three such texts; `hex::encode` would grow each character by character.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    let mut digits = vec![0; 2 * bytes.len()];
    hex::encode_to_slice(bytes, &mut digits).expect("there is room for two digits per byte");
    String::from_utf8(digits).expect("digits are ASCII")
}

/// Bytes from the operating system's generator.
///
/// # Panics
/// When it has none; only called while a log is being set up, never in a request.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_like_rfc_4231() {
        // RFC 4231, test case 2.
        let key = Key::new(b"Jefe", Some("rfc"));
        assert_eq!(
            key.sign(b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn reads_the_environment() {
        let variable = |name: &str| match name {
            "USAGE_LOG_KEY" => Some("a secret of a decent length".to_owned()),
            "USAGE_LOG_KEY_ID" => Some("2026-11".to_owned()),
            _ => None,
        };
        assert_eq!(Key::from_variables(variable).unwrap().id(), "2026-11");
        let named = |id: &str| {
            Key::from_variables(|name| match name {
                "USAGE_LOG_KEY_ID" => Some(id.to_owned()),
                _ => variable(name),
            })
        };
        let derived = Key::new(b"a secret of a decent length", None);
        for unusable in ["a=b", "two\nlines", &"x".repeat(65)] {
            assert_eq!(named(unusable).unwrap().id(), derived.id());
        }
        assert!(Key::from_variables(|_| None).is_none());
        assert!(Key::from_variables(|_| Some(String::new())).is_none());
    }

    #[test]
    fn an_id_that_is_not_given_is_the_same_each_time_and_says_nothing_of_the_secret() {
        let id = Key::new(b"a secret of a decent length", None)
            .id()
            .to_owned();
        assert_eq!(id, Key::new(b"a secret of a decent length", None).id());
        assert_ne!(id, Key::new(b"another secret of some length", None).id());
        assert!(!format!("{:?}", Key::new(b"hush", None)).contains("hush"));
    }
}
