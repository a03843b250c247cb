//! The workspace that is compiled into the program. A part that no function of a program asks for is left out of it by the linker.

use crate::Live;
use sections::Aligned;
use std::ffi::OsString;
use std::path::Path;
use workspace::{FileError, Part, Parts};

macro_rules! embedded {
    ($($(#[$doc:meta])* $function:ident = $part:ident, $file:literal;)+) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub fn $function(parts: Parts) -> Parts {
                static BYTES: &Aligned<[u8]> = &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/", $file)));
                parts.with(Part::$part, BYTES)
            }
        )+
    };
}

embedded! {
    /// Adds what every function needs of the schema.
    schema = Schema, "schema.bin";
    /// Adds the model's card.
    model = Model, "model.bin";
    /// Adds the trees for margins.
    margins = Margins, "margins.bin";
    /// Adds the trees for contributions.
    explanations = Explanations, "explanations.bin";
    /// Adds the customers.
    customers = Customers, "customers.bin";
    /// Adds the customers by every sortable key.
    orders = Orders, "orders.bin";
    /// Adds the nudges.
    nudges = Nudges, "nudges.bin";
    /// Adds card and evaluation as JSON.
    quality = Quality, "quality.json";
}

/// Adds what is kept of a previous workspace. The embedded workspace has none; a file that takes its place may have one.
#[must_use]
pub fn previous(parts: Parts) -> Parts {
    static NONE: &Aligned<[u8]> = &Aligned([]);
    parts.with(Part::Previous, NONE)
}

/// The parts that every function uses: schema, model, customers and nudges.
#[must_use]
pub fn core() -> Parts {
    nudges(customers(margins(model(schema(Parts::default())))))
}

/// Every part.
#[must_use]
pub fn whole() -> Parts {
    previous(quality(orders(explanations(core()))))
}

/// Puts embedded parts to use.
///
/// # Panics
/// Never with parts of this module: the build compiled and the tests opened them.
pub fn live(parts: Parts) -> Live {
    Live::open(parts).expect("the build compiled the parts")
}

/// Puts embedded parts to use, or the same parts of the file at `path`, where there is one.
///
/// # Errors
/// A file that is no workspace that this program can use.
pub fn or_file(parts: Parts, path: Option<OsString>) -> Result<Live, FileError> {
    match path.filter(|path| !path.is_empty()) {
        Some(path) => Live::from_file(Path::new(&path), &parts.present()),
        None => Ok(live(parts)),
    }
}
