//! Checks lines that were read back: each by itself, and each chain from its first line to its last.

use std::collections::HashMap;
use std::fmt;

use super::key::Key;
use super::line::Sealed;

/// The order in which lines are given to a verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they were written; a line that stands elsewhere is a fault.
    AsWritten,
    /// Any, as when several writers' batches lie in a bucket; each chain is merged by its numbers first.
    Any,
}

/// Takes lines one by one and then says whether they are what was written.
pub struct Verifier {
    order: Order,
    key: Option<Key>,
    chains: HashMap<String, ReadChain>,
    /// The first line that is broken in itself.
    broken: Option<(usize, Fault)>,
    lines: usize,
    unauthenticated: usize,
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

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Lines read, repeated ones included, incomplete ones not.
    pub lines: usize,
    /// Lines that were there already, as a repeated delivery leaves them.
    pub repeated: usize,
    /// Chains found.
    pub chains: usize,
    /// Lines whose hash was not checked, for want of the key that their `key_id` names.
    pub unauthenticated: usize,
    /// Where an incomplete line stood at the end, as a crash leaves it.
    pub incomplete: Vec<String>,
    /// The first fault, in the order of reading; `None` when all is well.
    pub fault: Option<Fault>,
}

/// A fault and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, such as `usage.log:17`.
    pub location: String,
    /// What is wrong there.
    pub kind: FaultKind,
}

/// What can be wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The line is not what was written; the text says in what way.
    Broken(&'static str),
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
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.location)?;
        match &self.kind {
            FaultKind::Broken(how) => write!(formatter, "the line is broken: {how}"),
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
        }
    }
}

impl Verifier {
    /// A verifier without lines. Without a key it checks integrity only: that no line was changed by accident, by
    /// its digest, and that none is missing; not that the writer wrote them.
    pub fn new(order: Order, key: Option<Key>) -> Self {
        Self {
            order,
            key,
            chains: HashMap::new(),
            broken: None,
            lines: 0,
            unauthenticated: 0,
            incomplete: Vec::new(),
        }
    }

    /// Takes the next line; `text` ends in its line feed, except for an incomplete last line. `location` names it in
    /// the report.
    pub fn take(&mut self, text: &[u8], location: String) {
        let Some(line) = text.strip_suffix(b"\n") else {
            self.incomplete.push(location);
            return;
        };
        let position = self.lines;
        self.lines += 1;
        if let Err(how) = self.take_line(line, position, &location)
            && self.broken.is_none()
        {
            self.broken = Some((
                position,
                Fault {
                    location,
                    kind: FaultKind::Broken(how),
                },
            ));
        }
    }

    fn take_line(
        &mut self,
        line: &[u8],
        position: usize,
        location: &str,
    ) -> Result<(), &'static str> {
        let sealed = Sealed::parse(line)?;
        match self
            .key
            .as_ref()
            .filter(|key| key.id() == sealed.link.key_id)
        {
            Some(key) if !sealed.is_authentic(key) => {
                return Err("its hash was not made with the log's key");
            }
            Some(_) => {}
            None => self.unauthenticated += 1,
        }
        let may_be_first = sealed.begins_a_chain();
        let link = sealed.link;
        let chain = self.chains.entry(link.chain_id).or_default();
        if chain.links.is_empty() {
            chain.key_id = link.key_id;
        } else if chain.key_id != link.key_id {
            // Else a line could be exchanged for one of a key that nobody can check.
            return Err("it names another key than its chain");
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
        let chains = self.chains.len();
        for (chain_id, mut chain) in self.chains {
            if self.order == Order::Any {
                chain.links.sort_by_key(|link| link.seq);
            }
            let (repeats, fault) = follow(&chain_id, &chain.links);
            repeated += repeats;
            if let Some((position, _)) = &fault
                && first_fault
                    .as_ref()
                    .is_none_or(|(first, _)| position < first)
            {
                first_fault = fault;
            }
        }
        Report {
            lines: self.lines,
            repeated,
            chains,
            unauthenticated: self.unauthenticated,
            incomplete: self.incomplete,
            fault: first_fault.map(|(_, fault)| fault),
        }
    }
}

/// Follows a chain to its end or its first fault. Gives the number of repeated lines, and the fault with its position.
fn follow(chain_id: &str, links: &[ReadLink]) -> (usize, Option<(usize, Fault)>) {
    let mut repeated = 0;
    // The links in the order of their numbers: the one with number n is at n.
    let mut chain: Vec<&ReadLink> = Vec::new();
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
        return (
            repeated,
            Some((
                link.position,
                Fault {
                    location: link.location.clone(),
                    kind,
                },
            )),
        );
    }
    (repeated, None)
}

#[cfg(test)]
mod tests {
    use super::super::line::{Chain, ChainNames, Record};
    use super::*;

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

    fn chain_id(line: &str) -> &str {
        line.split("\"chain_id\":\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
    }

    fn verify<'a>(
        order: Order,
        key: Option<Key>,
        lines: impl IntoIterator<Item = &'a String>,
    ) -> Report {
        let mut verifier = Verifier::new(order, key);
        for (index, line) in lines.into_iter().enumerate() {
            verifier.take(line.as_bytes(), format!("line {}", index + 1));
        }
        verifier.finish()
    }

    fn fault<'a>(order: Order, lines: impl IntoIterator<Item = &'a String>) -> Option<String> {
        verify(order, Some(key()), lines)
            .fault
            .map(|fault| fault.to_string())
    }

    #[test]
    fn what_was_written_is_sound() {
        let (first, second) = (lines(3), lines(2));
        let written = [&first[0], &second[0], &first[1], &second[1], &first[2]];
        for order in [Order::AsWritten, Order::Any] {
            let report = verify(order, Some(key()), written);
            assert_eq!(
                (
                    report.lines,
                    report.chains,
                    report.unauthenticated,
                    report.fault
                ),
                (5, 2, 0, None)
            );
        }
        let nothing = verify(Order::AsWritten, Some(key()), []);
        assert_eq!((nothing.lines, nothing.fault), (0, None));
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
                    .starts_with("line 2: "),
                "byte {index}"
            );
            assert!(
                verify(Order::AsWritten, None, &changed).fault.is_some(),
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
            "line 1: the line is broken: its hash was not made with the log's key"
        );
        let report = verify(Order::AsWritten, None, &forged);
        assert_eq!((report.unauthenticated, report.fault), (1, None));
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
        assert_eq!(
            fault(Order::AsWritten, &written).unwrap(),
            "line 2: the line is broken: it names another key than its chain"
        );
    }

    #[test]
    fn missing_lines_are_named_but_a_cut_tail_can_not_be_seen() {
        let written = lines(6);
        let chain_id = chain_id(&written[0]);
        for order in [Order::AsWritten, Order::Any] {
            assert_eq!(
                fault(order, [&written[0], &written[2]]).unwrap(),
                format!("line 2: line 1 of chain {chain_id} is missing before it")
            );
            assert_eq!(
                fault(order, &written[3..]).unwrap(),
                format!("line 1: lines 0 to 2 of chain {chain_id} are missing before it")
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
                "line 2: line 2 of chain {chain_id} stands before its line 1, which is at line 3"
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
            let report = verify(order, Some(key()), delivered);
            assert_eq!((report.lines, report.repeated, report.fault), (6, 3, None));
        }
    }

    #[test]
    fn an_incomplete_last_line_is_reported_and_no_fault() {
        let mut written = lines(2);
        for length in 0..written[1].len() {
            written[1].pop();
            let report = verify(Order::AsWritten, Some(key()), &written);
            assert_eq!((report.lines, report.fault), (1, None), "cut by {length}");
            assert_eq!(report.incomplete, ["line 2"]);
        }
    }

    #[test]
    fn a_line_that_is_none_is_broken() {
        for text in ["", "{}", "{\"kind\":\"usage\"}", "INFO something else"] {
            let line = format!("{text}\n");
            let fault = fault(Order::AsWritten, [&line]).unwrap();
            assert_eq!(
                fault,
                "line 1: the line is broken: it does not end in a digest and a hash"
            );
        }
    }
}
