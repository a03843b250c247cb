//! Checks lines that were read back: each by itself, and each chain from its first line to its last.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read, Write};
use std::str::FromStr;

use super::key::Key;
use super::line::{self, LONGEST_LINE, OPENING, Sealed};

/// The order in which lines are given to a verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they were written; a line that stands elsewhere is a fault.
    AsWritten,
    /// Any, as when several writers' batches lie in a bucket; each chain is merged by its numbers first.
    Any,
}

/// What lines are checked for.
#[derive(Clone, Debug)]
pub enum Check {
    /// That each was sealed with one of these keys, and that nothing is missing between the lines of a chain.
    Authenticity(Vec<Key>),
    /// That they fit together: digests, numbers and links. Anybody can write lines that do.
    Integrity,
}

/// Reads lines and then says whether they are what was written.
pub struct Verifier {
    order: Order,
    check: Check,
    expected: Vec<Head>,
    chains: HashMap<String, ReadChain>,
    /// The first line that is broken in itself.
    broken: Option<(usize, Fault)>,
    lines: usize,
    incomplete: Vec<String>,
}

#[derive(Default)]
struct ReadChain {
    key_id: String,
    links: Vec<ReadLink>,
}

/// What is kept of a line that is sound in itself.
struct ReadLink {
    seq: u64,
    prev_hash: String,
    digest: String,
    hash: String,
    may_be_first: bool,
    /// How many lines were read before it.
    position: usize,
    location: String,
}

/// The last line of a chain. Whoever keeps it elsewhere can tell later whether the chain still reaches it.
///
/// As text `<chain id>:<number>:<hash>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Head {
    /// The chain.
    pub chain_id: String,
    /// The line's number in the chain.
    pub seq: u64,
    /// The line's hash.
    pub hash: String,
}

impl fmt::Display for Head {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.chain_id, self.seq, self.hash)
    }
}

impl FromStr for Head {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(':');
        let head = (|| {
            Some(Self {
                chain_id: parts.next().filter(|id| line::is_chain_id(id))?.to_owned(),
                seq: parts.next()?.parse().ok()?,
                hash: parts.next().filter(|hash| line::is_hash(hash))?.to_owned(),
            })
        })();
        head.filter(|_| parts.next().is_none())
            .ok_or_else(|| format!("{text:?} is not a head: CHAIN_ID:NUMBER:HASH"))
    }
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Lines read, repeated ones included, incomplete ones not.
    pub lines: usize,
    /// Lines that were there already, as a repeated delivery leaves them.
    pub repeated: usize,
    /// The last line of each chain before its first fault, sorted.
    pub heads: Vec<Head>,
    /// Where an incomplete line stood at the end of a file, as a crash leaves it.
    pub incomplete: Vec<String>,
    /// The first fault, in the order of reading; `None` when all is well.
    pub fault: Option<Fault>,
}

/// A fault and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, such as `usage.log:17`; `None` for a fault of the log as a whole.
    pub location: Option<String>,
    /// What is wrong there.
    pub kind: FaultKind,
}

/// What can be wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The line is not what was written; the text says in what way.
    Broken(&'static str),
    /// The line names a key that was not given, so it may be anybody's.
    UnknownKey(String),
    /// Lines of its chain are missing before it.
    Missing {
        /// The chain.
        chain_id: String,
        /// The first number that is missing.
        first: u64,
        /// The last number that is missing.
        last: u64,
    },
    /// It stands before a line that was written earlier.
    Reordered {
        /// The chain.
        chain_id: String,
        /// Its number.
        seq: u64,
        /// The number that should stand here.
        expected: u64,
        /// Where the line with that number is.
        found: String,
    },
    /// There is no complete line.
    Empty,
    /// A chain does not reach a line that it once held.
    Cut {
        /// The line.
        expected: Head,
        /// The number of the chain's last line, where there is any.
        last: Option<u64>,
    },
    /// A chain holds another line in place of this one.
    Replaced(Head),
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(location) = &self.location {
            write!(formatter, "{location}: ")?;
        }
        match &self.kind {
            FaultKind::Broken(how) => write!(formatter, "the line is broken: {how}"),
            FaultKind::UnknownKey(key_id) => {
                write!(
                    formatter,
                    "the line names the key {key_id:?}, which was not given"
                )
            }
            FaultKind::Missing {
                chain_id,
                first,
                last,
            } if first == last => {
                write!(
                    formatter,
                    "line {first} of chain {chain_id} is missing before it"
                )
            }
            FaultKind::Missing {
                chain_id,
                first,
                last,
            } => {
                write!(
                    formatter,
                    "lines {first} to {last} of chain {chain_id} are missing before it"
                )
            }
            FaultKind::Reordered {
                chain_id,
                seq,
                expected,
                found,
            } => {
                write!(
                    formatter,
                    "line {seq} of chain {chain_id} stands before its line {expected}, which is at {found}"
                )
            }
            FaultKind::Empty => write!(formatter, "there is no complete line"),
            FaultKind::Cut {
                expected,
                last: None,
            } => write!(formatter, "chain {} is missing", expected.chain_id),
            FaultKind::Cut {
                expected: Head { chain_id, seq, .. },
                last: Some(last),
            } => write!(
                formatter,
                "chain {chain_id} was cut: it ends at line {last}, before the expected line {seq}"
            ),
            FaultKind::Replaced(Head { chain_id, seq, .. }) => write!(
                formatter,
                "line {seq} of chain {chain_id} is not the expected one"
            ),
        }
    }
}

impl Verifier {
    /// A verifier without lines.
    pub fn new(order: Order, check: Check) -> Self {
        Self {
            order,
            check,
            expected: Vec::new(),
            chains: HashMap::new(),
            broken: None,
            lines: 0,
            incomplete: Vec::new(),
        }
    }

    /// Has the log hold the line of a head that was noted earlier. It may have grown since.
    pub fn expect(&mut self, head: Head) {
        self.expected.push(head);
    }

    /// Reads a file or an object to its end. The report locates lines by `name` and number.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn read(&mut self, name: &str, mut content: impl Read) -> io::Result<()> {
        let mut source = self.source(name);
        io::copy(&mut content, &mut source)?;
        source.end();
        Ok(())
    }

    /// Begins a file or an object whose content is then written to the source, in pieces of any length.
    pub fn source(&mut self, name: &str) -> Source<'_> {
        Source {
            verifier: self,
            name: name.to_owned(),
            number: 1,
            line: Vec::new(),
        }
    }

    fn take_line(&mut self, line: &[u8], location: String) {
        let position = self.lines;
        self.lines += 1;
        if let Err(kind) = self.take_link(line, position, &location) {
            self.note(position, location, kind);
        }
    }

    /// Notes a line that is broken in itself.
    fn note(&mut self, position: usize, location: String, kind: FaultKind) {
        let location = Some(location);
        self.broken
            .get_or_insert((position, Fault { location, kind }));
    }

    fn take_link(&mut self, line: &[u8], position: usize, location: &str) -> Result<(), FaultKind> {
        let sealed = Sealed::parse(line).map_err(FaultKind::Broken)?;
        if let Check::Authenticity(keys) = &self.check {
            let mut named = keys
                .iter()
                .filter(|key| key.id() == sealed.link.key_id)
                .peekable();
            if named.peek().is_none() {
                return Err(FaultKind::UnknownKey(sealed.link.key_id));
            }
            if !named.any(|key| sealed.is_authentic(key)) {
                return Err(FaultKind::Broken(
                    "its hash was not made with the key that it names",
                ));
            }
        }
        let may_be_first = sealed.begins_a_chain();
        let link = sealed.link;
        let chain = self.chains.entry(link.chain_id).or_default();
        if chain.links.is_empty() {
            chain.key_id = link.key_id;
        } else if chain.key_id != link.key_id {
            // Where only integrity is checked, a line could else be exchanged for one of a key that nobody can check.
            return Err(FaultKind::Broken("it names another key than its chain"));
        }
        chain.links.push(ReadLink {
            seq: link.seq,
            prev_hash: link.prev_hash,
            digest: sealed.digest,
            hash: sealed.hash,
            may_be_first,
            position,
            location: location.to_owned(),
        });
        Ok(())
    }

    /// Follows each chain and reports.
    pub fn finish(self) -> Report {
        let mut first_fault = self.broken;
        let mut repeated = 0;
        let mut heads = Vec::new();
        let mut of_the_whole = None;
        for expected in self.expected {
            let links = self.chains.get(&expected.chain_id).map(|it| &*it.links);
            of_the_whole = of_the_whole.or(held(links.unwrap_or_default(), expected).err());
        }
        if self.lines == 0 {
            of_the_whole = Some(FaultKind::Empty);
        }
        for (chain_id, mut chain) in self.chains {
            if self.order == Order::Any {
                chain.links.sort_by_key(|link| link.seq);
            }
            let followed = follow(&chain_id, &chain.links);
            repeated += followed.repeated;
            heads.extend(followed.last.map(|last| Head {
                chain_id,
                seq: last.seq,
                hash: last.hash.clone(),
            }));
            if let Some((position, _)) = &followed.fault
                && first_fault
                    .as_ref()
                    .is_none_or(|(first, _)| position < first)
            {
                first_fault = followed.fault;
            }
        }
        heads.sort();
        let of_the_whole = of_the_whole.map(|kind| Fault {
            location: None,
            kind,
        });
        Report {
            lines: self.lines,
            repeated,
            heads,
            incomplete: self.incomplete,
            fault: first_fault.map(|(_, fault)| fault).or(of_the_whole),
        }
    }
}

/// A file or an object on its way to a verifier. Of a line without an end no more is kept than the longest line has.
pub struct Source<'v> {
    verifier: &'v mut Verifier,
    name: String,
    /// The number of the line that is being read.
    number: usize,
    line: Vec<u8>,
}

impl Source<'_> {
    /// Nothing more will come.
    pub fn end(self) {
        if self.line.is_empty() {
            return;
        }
        let compared = self.line.len().min(OPENING.len());
        let begins_well = self.line[..compared] == OPENING.as_bytes()[..compared];
        let location = format!("{}:{}", self.name, self.number);
        // A crash can leave a part of a line at the end of a file. Objects are written whole.
        if self.verifier.order == Order::AsWritten && begins_well && self.line.len() <= LONGEST_LINE
        {
            self.verifier.incomplete.push(location);
        } else {
            let kind = FaultKind::Broken("it does not end in a line feed");
            self.verifier.note(self.verifier.lines, location, kind);
        }
    }

    fn keep(&mut self, part: &[u8]) {
        let room = LONGEST_LINE + 1 - self.line.len();
        self.line.extend_from_slice(&part[..part.len().min(room)]);
    }
}

impl Write for Source<'_> {
    fn write(&mut self, content: &[u8]) -> io::Result<usize> {
        for part in content.split_inclusive(|&byte| byte == b'\n') {
            let Some(end) = part.strip_suffix(b"\n") else {
                self.keep(part);
                continue;
            };
            self.keep(end);
            let location = format!("{}:{}", self.name, self.number);
            self.verifier.take_line(&self.line, location);
            self.line.clear();
            self.number += 1;
        }
        Ok(content.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether the links of a chain hold a line.
fn held(links: &[ReadLink], expected: Head) -> Result<(), FaultKind> {
    let Some(last) = links.iter().map(|link| link.seq).max() else {
        return Err(FaultKind::Cut {
            expected,
            last: None,
        });
    };
    if last < expected.seq {
        return Err(FaultKind::Cut {
            expected,
            last: Some(last),
        });
    }
    let same = |link: &ReadLink| link.seq == expected.seq && link.hash == expected.hash;
    match links.iter().any(same) {
        true => Ok(()),
        false => Err(FaultKind::Replaced(expected)),
    }
}

/// A chain that was followed to its end or its first fault.
struct Followed<'l> {
    repeated: usize,
    /// The last line before the fault.
    last: Option<&'l ReadLink>,
    /// The fault with its position.
    fault: Option<(usize, Fault)>,
}

/// Follows a chain to its end or its first fault.
fn follow<'l>(chain_id: &str, links: &'l [ReadLink]) -> Followed<'l> {
    let mut repeated = 0;
    // The links in the order of their numbers: the one with number n is at n.
    let mut chain: Vec<&ReadLink> = Vec::new();
    let mut fault = None;
    for (index, link) in links.iter().enumerate() {
        let expected = chain.len() as u64;
        let kind = if link.seq > expected {
            match links[index..].iter().find(|later| later.seq == expected) {
                Some(later) => FaultKind::Reordered {
                    chain_id: chain_id.to_owned(),
                    seq: link.seq,
                    expected,
                    found: later.location.clone(),
                },
                None => FaultKind::Missing {
                    chain_id: chain_id.to_owned(),
                    first: expected,
                    last: link.seq - 1,
                },
            }
        } else if link.seq < expected {
            let earlier = chain[link.seq as usize];
            if earlier.digest == link.digest && earlier.hash == link.hash {
                repeated += 1;
                continue;
            }
            FaultKind::Broken("another line of its chain has the same number")
        } else if chain
            .last()
            .map_or(link.may_be_first, |last| last.hash == link.prev_hash)
        {
            chain.push(link);
            continue;
        } else {
            FaultKind::Broken("it does not name the hash of the line before it")
        };
        let location = Some(link.location.clone());
        fault = Some((link.position, Fault { location, kind }));
        break;
    }
    Followed {
        repeated,
        last: chain.last().copied(),
        fault,
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::{Chain, ChainNames, Record};
    use super::*;
    use proptest::prelude::*;

    fn key() -> Key {
        Key::new(b"a secret of a decent length", Some("k1"))
    }

    fn line(chain: &mut Chain, request_id: &str, key: &Key) -> String {
        let record = Record {
            request_id: request_id.to_owned(),
            ..Record::sample()
        };
        let mut line = Vec::new();
        chain.push(&record, key, &mut line);
        String::from_utf8(line).unwrap()
    }

    fn lines(count: usize) -> Vec<String> {
        let mut chain = ChainNames::new().start();
        (0..count)
            .map(|number| line(&mut chain, &format!("r-{number}"), &key()))
            .collect()
    }

    fn head(line: &str, seq: u64) -> Head {
        let hash = line.rfind("\"hash\":\"").unwrap() + 8;
        Head {
            chain_id: chain_id(line).to_owned(),
            seq,
            hash: line[hash..hash + 64].to_owned(),
        }
    }

    fn chain_id(line: &str) -> &str {
        line.split("\"chain_id\":\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
    }

    fn authenticity() -> Check {
        Check::Authenticity(vec![key()])
    }

    fn verify<'a>(
        order: Order,
        check: Check,
        lines: impl IntoIterator<Item = &'a String>,
    ) -> Report {
        let mut verifier = Verifier::new(order, check);
        let content: Vec<u8> = lines.into_iter().flat_map(|line| line.bytes()).collect();
        verifier.read("log", &*content).unwrap();
        verifier.finish()
    }

    fn words(report: Report) -> Option<String> {
        report.fault.map(|fault| fault.to_string())
    }

    fn fault<'a>(order: Order, lines: impl IntoIterator<Item = &'a String>) -> Option<String> {
        words(verify(order, authenticity(), lines))
    }

    #[test]
    fn what_was_written_is_sound() {
        let (first, second) = (lines(3), lines(2));
        let written = [&first[0], &second[0], &first[1], &second[1], &first[2]];
        for order in [Order::AsWritten, Order::Any] {
            let report = verify(order, authenticity(), written);
            assert_eq!((report.lines, report.fault), (5, None));
            let mut heads: Vec<Head> = [(&first[2], 2), (&second[1], 1)]
                .into_iter()
                .map(|(line, seq)| head(line, seq))
                .collect();
            heads.sort();
            assert_eq!(report.heads, heads);
        }
    }

    #[test]
    fn a_log_without_a_line_is_no_sound_log() {
        for check in [authenticity(), Check::Integrity] {
            for order in [Order::AsWritten, Order::Any] {
                let report = words(verify(order, check.clone(), []));
                assert_eq!(report.unwrap(), "there is no complete line");
            }
        }
        let part = lines(1)[0][..100].to_owned();
        assert_eq!(
            fault(Order::AsWritten, [&part]).unwrap(),
            "there is no complete line"
        );
    }

    #[test]
    fn a_log_of_other_keys_is_sound_only_to_who_has_them() {
        let other = Key::new(b"another secret of some length", Some("k2"));
        let mut forged = ChainNames::new().start();
        let forged: Vec<_> = (0..3).map(|_| line(&mut forged, "r", &other)).collect();
        assert_eq!(
            fault(Order::AsWritten, &forged).unwrap(),
            "log:1: the line names the key \"k2\", which was not given"
        );
        // A chain of a former key, before one of today's.
        let both: Vec<_> = forged.into_iter().chain(lines(2)).collect();
        assert!(fault(Order::AsWritten, &both).is_some());
        let keys = Check::Authenticity(vec![key(), other]);
        assert_eq!(words(verify(Order::AsWritten, keys, &both)), None);
        assert_eq!(
            words(verify(Order::AsWritten, Check::Integrity, &both)),
            None
        );
    }

    #[test]
    fn a_key_that_was_replaced_under_its_name_is_found_among_those_of_the_name() {
        let former = Key::new(b"another secret of some length", Some("k1"));
        let mut chain = ChainNames::new().start();
        let written = [line(&mut chain, "r", &former)];
        assert_eq!(
            fault(Order::AsWritten, &written).unwrap(),
            "log:1: the line is broken: its hash was not made with the key that it names"
        );
        let keys = Check::Authenticity(vec![key(), former]);
        assert_eq!(words(verify(Order::AsWritten, keys, &written)), None);
    }

    #[test]
    fn an_expected_head_shows_a_cut_tail_and_another_past() {
        let written = lines(6);
        let report = |expected: &Head, lines: &[String]| {
            let mut verifier = Verifier::new(Order::AsWritten, authenticity());
            verifier.expect(expected.clone());
            verifier.read("log", &*lines.concat().into_bytes()).unwrap();
            words(verifier.finish())
        };
        let noted = head(&written[3], 3);
        let chain_id = &noted.chain_id;
        assert_eq!(noted.to_string().parse(), Ok(noted.clone()));
        // It may have grown.
        assert_eq!(report(&noted, &written), None);
        assert_eq!(report(&noted, &written[..4]), None);
        assert_eq!(
            report(&noted, &written[..3]).unwrap(),
            format!("chain {chain_id} was cut: it ends at line 2, before the expected line 3")
        );
        assert_eq!(
            report(&noted, &lines(6)).unwrap(),
            format!("chain {chain_id} is missing")
        );
        let other = Head {
            hash: head(&written[4], 4).hash,
            ..noted.clone()
        };
        assert_eq!(
            report(&other, &written).unwrap(),
            format!("line 3 of chain {chain_id} is not the expected one")
        );
    }

    #[test]
    fn a_text_that_is_no_head_is_refused() {
        let hash = "0".repeat(64);
        assert!(format!("c-0:7:{hash}").parse::<Head>().is_ok());
        for text in [
            "",
            "c-0",
            "c-0:7",
            &format!(":7:{hash}"),
            &format!("c-0:-7:{hash}"),
            &format!("c\n0:7:{hash}"),
            &format!("c-0:7:{}", &hash[1..]),
            &format!("c-0:7:{hash}:"),
        ] {
            assert!(text.parse::<Head>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn each_changed_byte_is_found_with_and_without_the_key() {
        let written = lines(3);
        for index in 0..written[1].len() - 1 {
            let mut changed = written.clone();
            let byte = written[1].as_bytes()[index];
            let other = if byte == b'0' { "1" } else { "0" };
            changed[1].replace_range(index..=index, other);
            assert!(
                fault(Order::AsWritten, &changed)
                    .unwrap()
                    .starts_with("log:2: "),
                "byte {index}"
            );
            assert!(
                verify(Order::AsWritten, Check::Integrity, &changed)
                    .fault
                    .is_some(),
                "byte {index}"
            );
        }
    }

    #[test]
    fn a_line_with_a_fitting_digest_and_a_foreign_hash_is_found_with_the_key_only() {
        let written = lines(1);
        let hash = written[0].rfind("\"hash\":\"").unwrap() + 8;
        let forged = [format!("{}{}\"}}\n", &written[0][..hash], "0".repeat(64))];
        assert_eq!(
            fault(Order::AsWritten, &forged).unwrap(),
            "log:1: the line is broken: its hash was not made with the key that it names"
        );
        assert_eq!(
            verify(Order::AsWritten, Check::Integrity, &forged).fault,
            None
        );
    }

    #[test]
    fn a_line_can_not_pass_for_one_of_another_key() {
        let mut written = lines(1);
        let mut chain = Chain::behind(written[0].trim_end().as_bytes(), &key()).unwrap();
        written.push(line(
            &mut chain,
            "r-1",
            &Key::new(b"another secret of some length", Some("k2")),
        ));
        let keys = Check::Authenticity(vec![
            key(),
            Key::new(b"another secret of some length", Some("k2")),
        ]);
        for check in [keys, Check::Integrity] {
            assert_eq!(
                words(verify(Order::AsWritten, check, &written)).unwrap(),
                "log:2: the line is broken: it names another key than its chain"
            );
        }
    }

    #[test]
    fn missing_lines_are_named_but_a_cut_tail_is_not_seen_without_its_head() {
        let written = lines(6);
        let chain_id = chain_id(&written[0]);
        for order in [Order::AsWritten, Order::Any] {
            assert_eq!(
                fault(order, [&written[0], &written[2]]).unwrap(),
                format!("log:2: line 1 of chain {chain_id} is missing before it")
            );
            assert_eq!(
                fault(order, &written[3..]).unwrap(),
                format!("log:1: lines 0 to 2 of chain {chain_id} are missing before it")
            );
            assert_eq!(fault(order, &written[..4]), None);
        }
    }

    #[test]
    fn a_line_out_of_its_order_is_named_unless_order_does_not_matter() {
        let written = lines(4);
        let shuffled = [&written[0], &written[2], &written[1], &written[3]];
        let chain_id = chain_id(&written[0]);
        assert_eq!(
            fault(Order::AsWritten, shuffled).unwrap(),
            format!(
                "log:2: line 2 of chain {chain_id} stands before its line 1, which is at log:3"
            )
        );
        assert_eq!(fault(Order::Any, shuffled), None);
    }

    #[test]
    fn a_repeated_delivery_is_counted_and_no_fault() {
        let written = lines(3);
        let delivered = [
            &written[0],
            &written[1],
            &written[0],
            &written[1],
            &written[2],
            &written[1],
        ];
        for order in [Order::AsWritten, Order::Any] {
            let report = verify(order, authenticity(), delivered);
            assert_eq!((report.lines, report.repeated, report.fault), (6, 3, None));
        }
    }

    #[test]
    fn an_incomplete_last_line_is_reported_and_is_a_fault_only_in_an_object() {
        let mut written = lines(2);
        for length in 1..written[1].len() {
            written[1].pop();
            let report = verify(Order::AsWritten, authenticity(), &written);
            assert_eq!((report.lines, report.fault), (1, None), "cut by {length}");
            assert_eq!(report.incomplete, ["log:2"]);
            assert_eq!(
                fault(Order::Any, &written).unwrap(),
                "log:2: the line is broken: it does not end in a line feed"
            );
        }
        written[1] = "somebody's notes".to_owned();
        assert_eq!(
            fault(Order::AsWritten, &written).unwrap(),
            "log:2: the line is broken: it does not end in a line feed"
        );
    }

    #[test]
    fn no_more_of_a_line_is_held_than_the_longest_has() {
        let mut verifier = Verifier::new(Order::AsWritten, authenticity());
        let written = lines(2);
        let mut source = verifier.source("log");
        source.write_all(written[0].as_bytes()).unwrap();
        for _ in 0..1_000 {
            source.write_all(&[b' '; 1_000]).unwrap();
            assert!(source.line.capacity() <= 4 * LONGEST_LINE);
        }
        source.write_all(b"\n").unwrap();
        source.write_all(written[1].as_bytes()).unwrap();
        source.end();
        let report = verifier.finish();
        assert_eq!(report.lines, 3);
        assert_eq!(
            words(report).unwrap(),
            "log:2: the line is broken: it is longer than a usage line can be"
        );
    }

    proptest! {
        #[test]
        fn a_log_reads_the_same_in_pieces_of_any_length(piece in 1_usize..3_000) {
            let content = lines(5).concat().into_bytes();
            let mut verifier = Verifier::new(Order::AsWritten, authenticity());
            let mut source = verifier.source("log");
            for piece in content.chunks(piece) {
                source.write_all(piece).unwrap();
            }
            source.end();
            let report = verifier.finish();
            prop_assert_eq!((report.lines, report.fault), (5, None));
        }

        #[test]
        fn no_content_is_too_much_for_a_verifier(content: Vec<u8>) {
            for order in [Order::AsWritten, Order::Any] {
                let mut verifier = Verifier::new(order, Check::Integrity);
                verifier.read("log", &*content).unwrap();
                prop_assert!(verifier.finish().fault.is_some());
            }
        }
    }

    #[test]
    fn a_line_that_is_none_is_broken() {
        for text in ["", "{}", "{\"kind\":\"usage\"}", "INFO something else"] {
            let line = format!("{text}\n");
            let fault = fault(Order::AsWritten, [&line]).unwrap();
            assert_eq!(
                fault,
                "log:1: the line is broken: it does not end in a digest and a hash"
            );
        }
    }
}
