//! What is written is read again, and nothing that is damaged is taken for it.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in #[test] functions, but not in what they share

use bytemuck::Pod;
use proptest::prelude::*;
use sections::{Aligned, AlignedBytes, Format, Sections, SectionsError, Writer};

const BYTES: usize = 0;
const CODES: usize = 1;
const AMOUNTS: usize = 2;
const PAIRS: usize = 3;
/// Never written.
const EMPTY: usize = 4;

const NAME: &str = "compiled example";

static FORMAT: Format = Format {
    magic: *b"\x89EXAMPLE",
    version: 7,
    sections: 5,
    name: NAME,
};

fn write(bytes: &[u8], codes: &[u32], amounts: &[f64], pairs: &[[u16; 2]]) -> Vec<u8> {
    let mut writer = Writer::new(&FORMAT);
    writer.write(BYTES, bytes);
    writer.write(CODES, codes);
    writer.write(AMOUNTS, amounts);
    writer.write(PAIRS, pairs);
    writer.finish()
}

fn example() -> Vec<u8> {
    write(
        b"any text",
        &[1, 2, 3],
        &[0.5; 9],
        &[[1, 2], [3, 4], [5, 6]],
    )
}

fn refusal(bytes: &[u8]) -> SectionsError {
    Sections::open(&AlignedBytes::from(bytes), &FORMAT).unwrap_err()
}

/// Opens and verifies bytes that were altered.
fn fault(bytes: &[u8]) -> Option<SectionsError> {
    let bytes = AlignedBytes::from(bytes);
    let verified = Sections::open(&bytes, &FORMAT).and_then(|sections| sections.verify());
    verified.err()
}

/// Uses whatever opens in every way that there is.
fn exercise(bytes: &[u8]) {
    fn read<T: Pod>(sections: &Sections, section: usize) {
        let _ = sections.get::<T>(section);
        let _ = sections.get_one::<T>(section);
    }
    let Ok(sections) = Sections::open(bytes, &FORMAT) else {
        return;
    };
    for section in 0..FORMAT.sections {
        read::<u8>(&sections, section);
        read::<[u8; 3]>(&sections, section);
        read::<u32>(&sections, section);
        read::<f64>(&sections, section);
        read::<u128>(&sections, section);
        let _ = sections.verify_section(section);
    }
    let _ = sections.verify_header();
    let _ = sections.verify();
}

#[test]
fn sections_start_at_cache_lines_and_are_cast_in_place() {
    let bytes = AlignedBytes::from(&example()[..]);
    let sections = Sections::open(&bytes, &FORMAT).unwrap();
    sections.verify().unwrap();
    let amounts: &[f64] = sections.get(AMOUNTS).unwrap();
    assert_eq!(amounts, [0.5; 9]);
    assert!(bytes.as_ptr_range().contains(&amounts.as_ptr().cast()));
    assert_eq!(amounts.as_ptr() as usize % 64, 0);
    assert_eq!(bytes.len() % 64, 0);
    assert!(sections.get::<u128>(EMPTY).unwrap().is_empty());
}

#[test]
fn sections_are_written_in_any_order() {
    let mut writer = Writer::new(&FORMAT);
    writer.write(PAIRS, &[[1_u16, 2], [3, 4], [5, 6]]);
    writer.write(AMOUNTS, &[0.5_f64; 9]);
    writer.write(BYTES, b"any text");
    writer.write(CODES, &[1_u32, 2, 3]);
    assert_eq!(writer.finish(), example());
}

#[test]
#[should_panic(expected = "section 1 is written twice")]
fn a_section_is_written_once() {
    let mut writer = Writer::new(&FORMAT);
    writer.write::<u32>(CODES, &[]);
    writer.write::<u32>(CODES, &[]);
}

#[test]
fn formats_without_sections_are_a_header() {
    static NOTHING: Format = Format {
        sections: 0,
        ..FORMAT
    };
    let bytes = AlignedBytes::from(&Writer::new(&NOTHING).finish()[..]);
    assert_eq!(bytes.len(), 64);
    Sections::open(&bytes, &NOTHING).unwrap().verify().unwrap();
}

#[test]
fn a_single_value_is_exactly_one() {
    let bytes = AlignedBytes::from(&write(&[1, 2, 3], &[8], &[], &[])[..]);
    let sections = Sections::open(&bytes, &FORMAT).unwrap();
    assert_eq!(sections.get_one::<u32>(CODES), Ok(&8));
    let damaged = |section| SectionsError::Section {
        name: NAME,
        section,
    };
    assert_eq!(sections.get_one::<u8>(BYTES), Err(damaged(BYTES)));
    assert_eq!(sections.get_one::<f64>(AMOUNTS), Err(damaged(AMOUNTS)));
    assert_eq!(sections.get::<u16>(BYTES), Err(damaged(BYTES)));
}

#[test]
fn other_formats_and_versions_are_refused_by_name() {
    let unrecognized = SectionsError::Unrecognized { name: NAME };
    assert_eq!(refusal(b""), unrecognized);
    assert_eq!(refusal(&[0; 4096]), unrecognized);
    assert_eq!(
        unrecognized.to_string(),
        "these bytes are not a compiled example"
    );
    let newer = Format {
        version: 8,
        ..FORMAT
    };
    let version = Sections::open(&AlignedBytes::from(&example()[..]), &newer).unwrap_err();
    assert_eq!(
        version.to_string(),
        "the compiled example has format 7, and this program reads format 8"
    );
    for sections in [0, 4, 6, 1000] {
        let format = Format { sections, ..FORMAT };
        let opened = Sections::open(&AlignedBytes::from(&example()[..]), &format).err();
        assert_eq!(opened, Some(SectionsError::Header { name: NAME }));
    }
}

#[test]
fn every_flipped_bit_is_refused_or_found() {
    let bytes = example();
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut altered = bytes.clone();
            altered[place] ^= 1 << bit;
            assert!(fault(&altered).is_some(), "bit {bit} of byte {place}");
        }
    }
    assert_eq!(fault(&bytes), None);
}

#[test]
fn damage_is_named_by_its_section() {
    let bytes = example();
    let header = bytes.len() - 5 * 64; // four sections, of which one has two lines
    for (line, section) in [
        (0, BYTES),
        (1, CODES),
        (2, AMOUNTS),
        (3, AMOUNTS),
        (4, PAIRS),
    ] {
        for place in [0, 63] {
            let mut altered = bytes.clone();
            altered[header + line * 64 + place] ^= 1;
            let name = NAME;
            let damaged = SectionsError::Section { name, section };
            assert_eq!(fault(&altered), Some(damaged), "{line} {place}");
            let altered = AlignedBytes::from(&altered[..]);
            let sections = Sections::open(&altered, &FORMAT).unwrap();
            for other in 0..FORMAT.sections {
                let verified = sections.verify_section(other);
                assert_eq!(verified.is_err(), other == section);
            }
        }
    }
}

#[test]
fn every_truncation_and_extension_is_refused() {
    let bytes = example();
    for length in 0..bytes.len() {
        refusal(&bytes[..length]);
    }
    for more in [1, 8, 64] {
        let longer = [&bytes[..], &vec![0; more]].concat();
        assert_eq!(refusal(&longer), SectionsError::Header { name: NAME });
    }
}

#[test]
fn misaligned_bytes_are_refused() {
    let bytes = example();
    for shift in 1..64 {
        let shifted = AlignedBytes::from(&[&vec![0; shift][..], &bytes].concat()[..]);
        let opened = Sections::open(&shifted[shift..], &FORMAT);
        let misaligned = |alignment| SectionsError::Misaligned {
            name: NAME,
            alignment,
        };
        if shift % 8 != 0 {
            assert_eq!(opened.unwrap_err(), misaligned(8), "{shift}");
            continue;
        }
        let sections = opened.unwrap();
        sections.verify().unwrap();
        assert_eq!(sections.get::<f64>(AMOUNTS).unwrap(), [0.5; 9]);
        let wide = sections.get::<Wide>(AMOUNTS);
        assert_eq!(wide.unwrap_err(), misaligned(64), "{shift}");
    }
}

/// A value that needs more than the eight bytes that every section is aligned to.
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct Wide([u8; 64]);

#[test]
fn sections_open_in_the_program_itself() {
    static NOTHING: &Aligned<[u8]> = &Aligned(*b"nothing of ours");
    assert_eq!(NOTHING.0.as_ptr() as usize % 64, 0);
    assert_eq!(
        Sections::open(&NOTHING.0, &FORMAT).unwrap_err(),
        SectionsError::Unrecognized { name: NAME }
    );
}

proptest! {
    #[test]
    fn sections_are_read_as_they_were_written(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        codes in prop::collection::vec(any::<u32>(), 0..100),
        amounts in prop::collection::vec(any::<f64>(), 0..50),
        pairs in prop::collection::vec(any::<[u16; 2]>(), 0..50),
    ) {
        let written = AlignedBytes::from(&write(&bytes, &codes, &amounts, &pairs)[..]);
        let sections = Sections::open(&written, &FORMAT).unwrap();
        prop_assert_eq!(sections.verify(), Ok(()));
        prop_assert_eq!(sections.get::<u8>(BYTES).unwrap(), bytes);
        prop_assert_eq!(sections.get::<u32>(CODES).unwrap(), codes);
        let bits = |amounts: &[f64]| amounts.iter().map(|amount| amount.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(sections.get(AMOUNTS).unwrap()), bits(&amounts));
        prop_assert_eq!(sections.get::<[u16; 2]>(PAIRS).unwrap(), pairs);
        prop_assert!(sections.get::<u64>(EMPTY).unwrap().is_empty());
    }

    #[test]
    fn sections_taken_apart_are_put_together_to_the_same_bytes(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        codes in prop::collection::vec(any::<u32>(), 0..100),
    ) {
        let written = write(&bytes, &codes, &[], &[]);
        let contents = sections::testing::contents(&written).unwrap();
        prop_assert_eq!(&contents[BYTES], &bytes);
        prop_assert_eq!(sections::testing::with_contents(&written, &contents), written);
    }

    #[test]
    fn altered_sections_are_refused_or_found(
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
        places in prop::collection::vec((any::<prop::sample::Index>(), 1..=u8::MAX), 1..9),
    ) {
        let written = write(&bytes, &[], &[1.0], &[]);
        let mut altered = written.clone();
        for (place, change) in places {
            altered[place.index(written.len())] ^= change;
        }
        prop_assert_eq!(fault(&altered).is_some(), altered != written);
        exercise(&AlignedBytes::from(&altered[..]));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), start in 0_usize..64) {
        let aligned = AlignedBytes::from(&bytes[..]);
        exercise(aligned.get(start..).unwrap_or_default());
    }

    /// The spans are numbers at the edges, so that sums of them overflow.
    #[test]
    fn arbitrary_spans_never_panic(
        spans in prop::collection::vec(prop::sample::select(vec![0, 1, 63, 64, 192, 256, 319, 320, 384, 1 << 32, u64::MAX - 63, u64::MAX]), 20),
        length in 0_usize..800,
    ) {
        let mut bytes = [&FORMAT.magic[..], &7_u32.to_le_bytes(), &5_u32.to_le_bytes()].concat();
        bytes.extend(spans.iter().flat_map(|number| number.to_le_bytes()));
        bytes.resize(length, 0);
        exercise(&AlignedBytes::from(&bytes[..]));
    }
}
