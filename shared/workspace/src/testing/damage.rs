//! Random damage to a compiled workspace.

use super::Numbers;
use crate::{Part, Parts};
use sections::AlignedBytes;
use sections::testing::{contents, with_contents};
use std::fmt;

/// What was altered: repeats a damage in the message of a test that fails.
#[derive(Clone, Debug)]
pub struct Damage(String);

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A workspace with one to three alterations, and what they are. Most alter a value or two and give the section the hash of its new
/// values, so that what is found is what the values say; others flip bits, cut or extend parts, or take parts of `other`.
pub fn damaged(
    parts: &[(Part, AlignedBytes)],
    other: &[(Part, AlignedBytes)],
    numbers: &mut Numbers,
) -> (Parts, Damage) {
    let mut altered: Vec<(Part, Vec<u8>)> = parts
        .iter()
        .map(|(part, bytes)| (*part, bytes.to_vec()))
        .collect();
    let mut damage = Vec::new();
    for _ in 0..1 + numbers.below(6).saturating_sub(3) {
        let place = numbers.below(altered.len());
        let (part, bytes) = &mut altered[place];
        let what = match numbers.below(16) {
            0 => flipped(bytes, numbers),
            1 => resized(bytes, numbers),
            2 => {
                let others = other.iter().find(|(of, _)| of == part);
                *bytes = others.map_or_else(Vec::new, |(_, bytes)| bytes.to_vec());
                "taken from another workspace".to_owned()
            }
            // The only part without sections.
            _ if *part == Part::Quality => written_over(bytes, numbers),
            3 => with_sections(bytes, |contents| {
                let (one, other) = (numbers.below(contents.len()), numbers.below(contents.len()));
                contents.swap(one, other);
                format!("sections {one} and {other} swapped")
            }),
            _ => with_sections(bytes, |contents| {
                let filled: Vec<usize> = (0..contents.len())
                    .filter(|section| !contents[*section].is_empty())
                    .collect();
                let Some(&section) = numbers.pick(&filled) else {
                    return "nothing".to_owned();
                };
                format!(
                    "section {section}: {}",
                    values(&mut contents[section], numbers)
                )
            }),
        };
        damage.push(format!("{part}: {what}"));
    }
    let parts = altered
        .into_iter()
        .fold(Parts::default(), |parts, (part, bytes)| {
            parts.with_read(part, AlignedBytes::from(bytes.as_slice()))
        });
    (parts, Damage(damage.join("; ")))
}

fn flipped(bytes: &mut [u8], numbers: &mut Numbers) -> String {
    let place = numbers.below(bytes.len());
    let bit = numbers.below(8);
    if let Some(byte) = bytes.get_mut(place) {
        *byte ^= 1 << bit;
    }
    format!("bit {bit} of byte {place} flipped")
}

fn resized(bytes: &mut Vec<u8>, numbers: &mut Numbers) -> String {
    let length = match numbers.one_in(2) {
        true => numbers.below(bytes.len()),
        false => bytes.len() + 1 + numbers.below(200),
    };
    bytes.resize(length, 0);
    format!("{length} bytes long")
}

fn written_over(bytes: &mut [u8], numbers: &mut Numbers) -> String {
    let place = numbers.below(bytes.len());
    let new = *numbers.pick(b"0123456789.,:\"{}[]e-nx ").unwrap_or(&0);
    if let Some(byte) = bytes.get_mut(place) {
        *byte = new;
    }
    format!("byte {place} is {:?}", char::from(new))
}

/// Alters sections and gives them the hashes of what they are then.
fn with_sections(bytes: &mut Vec<u8>, alter: impl FnOnce(&mut [Vec<u8>]) -> String) -> String {
    let Some(mut sections) = contents(bytes).filter(|sections| !sections.is_empty()) else {
        return "no sections any more".to_owned();
    };
    let what = alter(&mut sections);
    *bytes = with_contents(bytes, &sections);
    what
}

/// Alters a value, or some at once.
fn values(content: &mut Vec<u8>, numbers: &mut Numbers) -> String {
    let width = [1, 4, 4, 8, 8][numbers.below(5)];
    let count = content.len() / width;
    if count == 0 {
        return flipped(content, numbers);
    }
    let place = numbers.below(count) * width;
    let from = numbers.below(count) * width;
    match numbers.below(12) {
        0 => {
            content.truncate(place);
            return format!("cut to {place} bytes");
        }
        1 => {
            content.extend_from_within(place..place + width);
            return format!("bytes from {place} on repeated at the end, {width} of them");
        }
        2 => {
            for byte in 0..width {
                content.swap(place + byte, from + byte);
            }
            return format!("{width} bytes at {place} and {from} swapped");
        }
        3 | 4 => {
            content.copy_within(from..from + width, place);
            return format!("{width} bytes at {place} copied from {from}");
        }
        _ => {}
    }
    let value = &mut content[place..place + width];
    match *value {
        [ref mut byte] => {
            *byte = match numbers.below(4) {
                0 => numbers.below(4) as u8,
                1 => byte.wrapping_add(1),
                2 => byte.wrapping_sub(1),
                // Text stays text.
                _ => b'a' + numbers.below(26) as u8,
            };
            format!("byte {place} is {byte}")
        }
        [a, b, c, d] => {
            let old = u32::from_le_bytes([a, b, c, d]);
            let new = match numbers.below(8) {
                0 => numbers.below(10) as u32,
                1 => old.wrapping_add(1),
                2 => old.wrapping_sub(1),
                3 => old ^ 1 << numbers.below(32),
                4 => u32::MAX - numbers.below(2) as u32,
                5 => 1 << numbers.below(32),
                _ => (f32::from_bits(old) * (1.0 + numbers.below(3) as f32 / 16.0)).to_bits(),
            };
            value.copy_from_slice(&new.to_le_bytes());
            format!("the number at {place} is {new}, not {old}")
        }
        _ => {
            let old = f64::from_bits(u64::from_le_bytes(std::array::from_fn(|byte| value[byte])));
            let special = [
                0.0,
                -0.0,
                1.0,
                -1.0,
                0.5,
                f64::NAN,
                f64::INFINITY,
                f64::MAX,
                f64::MIN_POSITIVE,
                1e15,
            ];
            let new = match numbers.below(3) {
                0 => *numbers.pick(&special).unwrap_or(&0.0),
                1 => old * (1.0 + numbers.below(64) as f64 / 512.0),
                _ => old + numbers.below(8) as f64 - 4.0,
            };
            value.copy_from_slice(&new.to_bits().to_le_bytes());
            format!("the number at {place} is {new}, not {old}")
        }
    }
}
