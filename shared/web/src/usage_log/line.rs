//! The format of a line: what it says, how it is sealed, how lines hang together in a chain.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::key::{Key, hexadecimal, random};

/// How each line begins; the log subscription filters by it.
pub(super) const OPENING: &str = r#"{"kind":"usage""#;

/// What the first line of a chain names as the hash before it.
const NO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

const HEX_DIGITS: usize = 64;

/// More bytes than a line can have: no caller decides how long a line is. Readers hold no more of a line than this.
pub const LONGEST_LINE: usize = 8 << 10;

/// Whether a text has the form of a chain's id, so that it can be shown anywhere.
pub(super) fn is_chain_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Whether a text has the form of a digest or a hash.
pub(super) fn is_hash(text: &str) -> bool {
    text.len() == HEX_DIGITS
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A time in UTC, RFC 3339 with milliseconds; the nearest that it can express where a clock is far off, because a record must
/// not be what can't be written.
pub(super) fn format_time(time: SystemTime) -> String {
    /// 9999-12-31T23:59:59Z
    const LAST: Duration = Duration::from_secs(253_402_300_799);
    let time = time.clamp(SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + LAST);
    humantime::format_rfc3339_millis(time).to_string()
}

/// What a line says about one call. Fields that do not apply are left out.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// In UTC, RFC 3339 with milliseconds.
    pub time: String,
    pub request_id: String,
    pub action: Arc<str>,
    pub function: Arc<str>,
    /// HMAC-SHA256 of the customer id, hexadecimal.
    pub subject: Option<String>,
    /// Customers read or scored.
    pub count: usize,
    /// HTTP status.
    pub outcome: u16,
    /// Given to one customer.
    pub risk_level: Option<Arc<str>>,
    pub model_version: Option<Arc<str>>,
    pub workspace_version: Option<Arc<str>>,
    pub latency_us: u64,
    pub caller: Cow<'static, str>,
    /// What a person did, for calls that report it.
    pub event: Option<&'static str>,
    /// HMAC-SHA256 of the nudge it was done with, hexadecimal.
    pub nudge: Option<String>,
}

#[cfg(test)]
impl Record {
    /// What a call might have left.
    pub fn sample() -> Self {
        Self {
            time: "2026-11-22T17:28:00.123Z".to_owned(),
            request_id: "r-1".to_owned(),
            action: "predict".into(),
            function: "predict".into(),
            subject: Some("ab".repeat(32)),
            count: 1,
            outcome: 200,
            risk_level: Some("low".into()),
            model_version: Some("m1".into()),
            workspace_version: Some("w1".into()),
            latency_us: 100,
            caller: "anonymous".into(),
            event: None,
            nudge: None,
        }
    }
}

/// Names the chains of one writer, each differently from any other writer's.
pub(super) struct ChainNames {
    writer: String,
    next: AtomicU64,
}

impl ChainNames {
    /// # Panics
    /// When the operating system has no random bytes to give.
    pub fn new() -> Self {
        Self {
            writer: hexadecimal(&random::<8>()),
            next: AtomicU64::new(0),
        }
    }

    /// A chain without lines.
    pub fn start(&self) -> Chain {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Chain {
            id: format!("{}-{number}", self.writer),
            seq: 0,
            prev_hash: NO_HASH.to_owned(),
        }
    }
}

/// The place where a chain's next line goes.
#[derive(Clone)]
pub(super) struct Chain {
    id: String,
    seq: u64,
    prev_hash: String,
}

impl Chain {
    /// The chain that goes on behind a line, if the line was sealed with this key.
    pub fn behind(line: &[u8], key: &Key) -> Option<Self> {
        let sealed = Sealed::parse(line)
            .ok()
            .filter(|sealed| sealed.is_authentic(key))?;
        Some(Self {
            id: sealed.link.chain_id,
            seq: sealed.link.seq + 1,
            prev_hash: sealed.hash,
        })
    }

    /// Appends the line of a record, with its line feed, to `lines`.
    pub fn push(&mut self, record: &Record, key: &Key, lines: &mut Vec<u8>) {
        let start = lines.len();
        lines.extend_from_slice(OPENING.as_bytes());
        let mut line = Fields(lines);
        line.text("time", &record.time);
        line.text("request_id", &record.request_id);
        line.text("action", &record.action);
        line.text("function", &record.function);
        if let Some(subject) = &record.subject {
            line.text("subject", subject);
        }
        line.number("count", record.count);
        line.number("outcome", record.outcome);
        if let Some(risk_level) = &record.risk_level {
            line.text("risk_level", risk_level);
        }
        if let Some(model_version) = &record.model_version {
            line.text("model_version", model_version);
        }
        if let Some(workspace_version) = &record.workspace_version {
            line.text("workspace_version", workspace_version);
        }
        line.number("latency_us", record.latency_us);
        line.text("caller", &record.caller);
        if let Some(event) = record.event {
            line.text("event", event);
        }
        if let Some(nudge) = &record.nudge {
            line.text("nudge", nudge);
        }
        line.text("key_id", key.id());
        line.text("chain_id", &self.id);
        line.number("seq", self.seq);
        line.text("prev_hash", &self.prev_hash);
        lines.push(b'}');
        let canonical = &lines[start..];
        let digest = hexadecimal(&Sha256::digest(canonical));
        let hash = key.sign(canonical);
        lines.pop();
        for part in [SEAL[0], &digest, SEAL[1], &hash, SEAL[2], "\n"] {
            lines.extend_from_slice(part.as_bytes());
        }
        self.seq += 1;
        self.prev_hash = hash;
    }
}

/// Appends fields to an object of JSON that has begun with one.
struct Fields<'l>(&'l mut Vec<u8>);

impl Fields<'_> {
    fn name(&mut self, name: &str) {
        for part in [",\"", name, "\":"] {
            self.0.extend_from_slice(part.as_bytes());
        }
    }

    fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        // Nearly all texts are plain, which is cheaper to see than to write character by character.
        let special = |byte| !matches!(byte, b' '..=b'~') | matches!(byte, b'"' | b'\\');
        if text.bytes().fold(false, |any, byte| any | special(byte)) {
            self.value(text);
        } else {
            for part in ["\"", text, "\""] {
                self.0.extend_from_slice(part.as_bytes());
            }
        }
    }

    fn number(&mut self, name: &str, number: impl Serialize) {
        self.name(name);
        self.value(&number);
    }

    fn value(&mut self, value: &(impl Serialize + ?Sized)) {
        value
            .serialize(&mut serde_json::Serializer::with_formatter(
                &mut *self.0,
                Ascii,
            ))
            .expect("strings and numbers are written to memory");
    }
}

/// What stands before the digest, between digest and hash, and behind the hash.
const SEAL: [&str; 3] = [r#","digest":""#, r#"","hash":""#, r#""}"#];

/// The fields by which a line hangs in its chain.
#[derive(Deserialize)]
pub(super) struct Link {
    kind: String,
    pub key_id: String,
    pub chain_id: String,
    pub seq: u64,
    pub prev_hash: String,
}

/// A line that was read back, its parts taken apart, its digest checked.
pub(super) struct Sealed {
    canonical: Vec<u8>,
    pub link: Link,
    pub digest: String,
    pub hash: String,
}

impl Sealed {
    /// Takes a line, without its line feed, apart. The error says what is wrong with it.
    pub fn parse(line: &[u8]) -> Result<Self, &'static str> {
        const UNSEALED: &str = "it does not end in a digest and a hash";
        const OTHER: &str = "it is not a usage line";
        if line.len() > LONGEST_LINE {
            return Err("it is longer than a usage line can be");
        }
        let hex_digits = |text: &[u8; HEX_DIGITS]| {
            let text = str::from_utf8(text).ok().filter(|text| is_hash(text));
            text.map(str::to_owned)
        };
        let rest = line.strip_suffix(SEAL[2].as_bytes()).ok_or(UNSEALED)?;
        let (rest, hash) = rest.split_last_chunk::<HEX_DIGITS>().ok_or(UNSEALED)?;
        let rest = rest.strip_suffix(SEAL[1].as_bytes()).ok_or(UNSEALED)?;
        let (rest, digest) = rest.split_last_chunk::<HEX_DIGITS>().ok_or(UNSEALED)?;
        let rest = rest.strip_suffix(SEAL[0].as_bytes()).ok_or(UNSEALED)?;
        let (digest, hash) = (
            hex_digits(digest).ok_or(UNSEALED)?,
            hex_digits(hash).ok_or(UNSEALED)?,
        );

        let canonical = [rest, b"}"].concat();
        if hexadecimal(&Sha256::digest(&canonical)) != digest {
            return Err("its content does not have its digest");
        }
        let link: Link = serde_json::from_slice(&canonical).map_err(|_| OTHER)?;
        if link.kind != "usage" || !is_chain_id(&link.chain_id) {
            return Err(OTHER);
        }
        Ok(Self {
            canonical,
            link,
            digest,
            hash,
        })
    }

    /// Whether the hash was made with this key.
    pub fn is_authentic(&self, key: &Key) -> bool {
        self.link.key_id == key.id() && key.sign(&self.canonical) == self.hash
    }

    /// Whether the line may be the first of its chain.
    pub fn begins_a_chain(&self) -> bool {
        self.link.seq == 0 && self.link.prev_hash == NO_HASH
    }
}

/// Writes JSON in printable ASCII, so that no reader's idea of a line end (U+0085, U+2028) can split a line.
struct Ascii;

impl serde_json::ser::Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return writer.write_all(fragment.as_bytes());
        }
        let printable = |c: char| (' '..='~').contains(&c);
        let mut rest = fragment;
        while let Some(start) = rest.find(|c| !printable(c)) {
            let (plain, special) = rest.split_at(start);
            let length = special.find(printable).unwrap_or(special.len());
            writer.write_all(plain.as_bytes())?;
            for unit in special[..length].encode_utf16() {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &special[length..];
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(chain: &mut Chain, record: &Record, key: &Key) -> String {
        let mut lines = Vec::new();
        chain.push(record, key, &mut lines);
        String::from_utf8(lines).unwrap()
    }

    #[test]
    fn a_line_is_what_the_documentation_shows() {
        let key = Key::new(b"a secret of a decent length", Some("k1"));
        let mut chain = Chain {
            id: "c-0".to_owned(),
            seq: 0,
            prev_hash: NO_HASH.to_owned(),
        };
        let canonical = format!(
            r#"{{"kind":"usage","time":"2026-11-22T17:28:00.123Z","request_id":"r-1","action":"predict","function":"predict","subject":"{}","count":1,"outcome":200,"risk_level":"low","model_version":"m1","workspace_version":"w1","latency_us":100,"caller":"anonymous","key_id":"k1","chain_id":"c-0","seq":0,"prev_hash":"{NO_HASH}"}}"#,
            "ab".repeat(32)
        );
        // Both from Python: hashlib.sha256(canonical) and hmac.new(secret, canonical, "sha256").
        let seal = concat!(
            r#","digest":"ead69e1f9a9f9c664c954dca8fa37ed145b9b713c034d49b87a0e813c25c7561","hash":"14b31e9015e0deab55ff341ba86b4a6e7e8b6b71a078e732269623c5c85d1b40"}"#,
            "\n"
        );
        assert_eq!(
            line(&mut chain, &Record::sample(), &key),
            format!("{}{seal}", canonical.strip_suffix('}').unwrap())
        );
    }

    #[test]
    fn the_next_line_names_the_hash_before_it() {
        let key = Key::new(b"a secret of a decent length", None);
        let mut chain = ChainNames::new().start();
        let first = line(&mut chain, &Record::sample(), &key);
        let second = line(&mut chain, &Record::sample(), &key);
        let (first, second) = (first.trim_end(), second.trim_end());
        let (first, second) = (
            Sealed::parse(first.as_bytes()).unwrap(),
            Sealed::parse(second.as_bytes()).unwrap(),
        );
        assert!(first.begins_a_chain() && !second.begins_a_chain());
        assert_eq!((second.link.seq, &second.link.prev_hash), (1, &first.hash));
    }

    #[test]
    fn a_chain_goes_on_only_behind_a_line_of_its_own_key() {
        let key = Key::new(b"a secret of a decent length", Some("k1"));
        let impostor = Key::new(b"another secret of some length", Some("k1"));
        let mut chain = ChainNames::new().start();
        let first = line(&mut chain, &Record::sample(), &key);
        let first = first.trim_end().as_bytes();
        let mut resumed = Chain::behind(first, &key).unwrap();
        assert_eq!(
            line(&mut resumed, &Record::sample(), &key),
            line(&mut chain, &Record::sample(), &key)
        );
        assert!(Chain::behind(first, &impostor).is_none());
        assert!(Chain::behind(b"some other text", &key).is_none());
    }

    #[test]
    fn the_longest_line_fits() {
        // A control character takes the most room of all that a caller can send; a key's id may be as long as this one.
        let key = Key::new(b"a secret of a decent length", Some(&"k".repeat(64)));
        let mut record = Record::sample();
        record.request_id = "\u{1}".repeat(128);
        record.caller = "\u{1}".repeat(128).into();
        record.event = Some("applied");
        record.nudge = Some("ab".repeat(32));
        record.count = usize::MAX;
        record.latency_us = u64::MAX;
        let mut chain = ChainNames::new().start();
        chain.seq = u64::MAX - 1;
        let line = line(&mut chain, &record, &key);
        assert!(line.len() < LONGEST_LINE / 2, "{}", line.len());
        assert!(Sealed::parse(line.trim_end().as_bytes()).is_ok());
    }

    #[test]
    fn hostile_text_stays_inside_its_string() {
        let key = Key::new(b"a secret of a decent length", None);
        let hostile = "x\"},\n{\"kind\":\"usage\"\r\u{85}\u{2028}\u{2029}\u{7f}\u{0}\u{1f600}é\\";
        let mut record = Record::sample();
        record.request_id = hostile.to_owned();
        record.caller = hostile.into();
        let line = line(&mut ChainNames::new().start(), &record, &key);
        let text = line.strip_suffix('\n').unwrap();
        assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        assert!(Sealed::parse(text.as_bytes()).unwrap().is_authentic(&key));
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        for field in ["request_id", "caller"] {
            assert_eq!(value[field], hostile);
        }
    }
}
