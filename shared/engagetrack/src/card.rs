//! Facts of the model card that the code needs, read from `models/card.json` by the build.

use crate::drift::Distribution;
use crate::pricing::PriceList;

include!(concat!(env!("OUT_DIR"), "/card.rs"));
