//! Checks the columns once: that each customer is found by an id, and has a profile that the schema admits.

use super::{AMOUNT, BANDS, Column, Customers, FORMAT, Outcome, UNKNOWN, band, slot, slots};
use schema::{Field, Kind, Need, Schema};
use sections::Sections;
use twox_hash::XxHash3_128;

/// Stands for the home of a customer whom the table has once already.
const FOUND: u32 = u32::MAX;

/// How far what a field needs is there.
const MET: u8 = 0;
const UNSURE: u8 = 1;
const UNMET: u8 = 2;

impl Customers<'_> {
    /// Compares the bytes that they were opened from with their hashes, and checks every value.
    pub(crate) fn verify(&self, bytes: &[u8], schema: &Schema<'_>) -> Result<(), String> {
        let intact = Sections::open(bytes, &FORMAT).and_then(|sections| sections.verify());
        intact.map_err(|error| error.to_string())?;
        if self.is_empty() {
            return Err("there is no customer".to_owned());
        }
        self.check_ids()?;
        self.check_columns(schema)?;
        self.check_needs(schema)?;
        self.check_outcomes(schema)?;
        self.check_probabilities().map_err(str::to_owned)
    }

    /// Ids rise, so that each is another one, and the search for one ends at its customer.
    fn check_ids(&self) -> Result<(), &'static str> {
        let slots = self.id_table.len();
        if slots != self::slots(self.len()) {
            return Err("the table of ids has another size");
        }
        let mut homes = Vec::with_capacity(self.len());
        self.ids.verify(|id| homes.push(slot(id, slots) as u32))?;
        let empty = self.id_table.iter().position(|entry| *entry == 0);
        let empty = empty.ok_or("the table of ids has no empty slot")?;
        // How many slots there are from the last empty one to here. A search that begins in one of them comes by.
        let mut run = 0;
        let mut found = 0;
        for slot in (empty..slots).chain(0..empty) {
            let Some(customer) = self.id_table[slot].checked_sub(1) else {
                run = 0;
                continue;
            };
            run += 1;
            let home = homes.get_mut(customer as usize);
            let home = home.filter(|home| **home != FOUND);
            let home = home.ok_or("the table of ids names nobody, or somebody twice")?;
            if slot.wrapping_sub(*home as usize) & (slots - 1) >= run {
                return Err("a customer is not found by the id");
            }
            *home = FOUND;
            found += 1;
        }
        match found == self.len() {
            true => Ok(()),
            false => Err("a customer is not found by the id"),
        }
    }

    /// Each field has a column of its own, with values that it may have.
    fn check_columns(&self, schema: &Schema<'_>) -> Result<(), String> {
        let (mut codes, mut amounts) = (0, 0);
        for (place, field) in self.columns.iter().zip(schema.fields()) {
            let next = match place & AMOUNT {
                0 => &mut codes,
                _ => &mut amounts,
            };
            if (place & !AMOUNT) as usize != *next {
                return Err(format!("the column of {} is that of another", field.name()));
            }
            *next += 1;
            // Looks at each, because that takes less time than to end early.
            let sound = match self.column(field.index()) {
                Column::Codes(codes) => {
                    let fits: [bool; 256] = std::array::from_fn(|code| fits(field, known(code)));
                    let each = codes.iter().map(|code| fits[usize::from(*code)]);
                    each.fold(true, |all, one| all & one)
                }
                Column::Amounts(numbers) => {
                    let each = numbers.iter().map(|number| fits(field, *number));
                    each.fold(true, |all, one| all & one)
                }
            };
            if !sound {
                return Err(format!(
                    "a value of {} is none that it may have",
                    field.name()
                ));
            }
        }
        match codes * self.len() == self.codes.len() && amounts * self.len() == self.amounts.len() {
            true => Ok(()),
            false => Err("there are more columns than fields".to_owned()),
        }
    }

    /// What [`Schema::admit`] says of each profile, field by field.
    fn check_needs(&self, schema: &Schema<'_>) -> Result<(), String> {
        let mut states = vec![MET; self.len()];
        for field in schema.fields().filter(|field| !field.needs().is_empty()) {
            states.fill(MET);
            for need in field.needs() {
                match self.column(need.field()) {
                    Column::Codes(codes) => {
                        let by_code: [u8; 256] =
                            std::array::from_fn(|code| state(need, known(code)));
                        for (worst, code) in states.iter_mut().zip(codes) {
                            *worst = (*worst).max(by_code[usize::from(*code)]);
                        }
                    }
                    Column::Amounts(numbers) => {
                        for (worst, number) in states.iter_mut().zip(numbers) {
                            *worst = (*worst).max(state(need, *number));
                        }
                    }
                }
            }
            let absent = field.absent_code();
            let without = field.without().is_some();
            let admits = |state: u8, code: f64| match state {
                UNMET => code == absent,
                MET => !without || code != absent,
                _ => true,
            };
            let sound = match self.column(field.index()) {
                Column::Codes(codes) => {
                    let by_state: [[bool; 256]; 3] = std::array::from_fn(|state| {
                        std::array::from_fn(|code| admits(state as u8, known(code)))
                    });
                    let pairs = states.iter().zip(codes);
                    let each = pairs
                        .map(|(state, code)| by_state[usize::from(*state)][usize::from(*code)]);
                    each.fold(true, |all, one| all & one)
                }
                Column::Amounts(numbers) => {
                    let mut pairs = states.iter().zip(numbers);
                    pairs.all(|(state, number)| admits(*state, *number))
                }
            };
            if !sound {
                return Err(format!(
                    "{} is there where what it needs is not, or the other way round",
                    field.name()
                ));
            }
        }
        Ok(())
    }

    /// Outcomes, personas and stages are those of the schema.
    fn check_outcomes(&self, schema: &Schema<'_>) -> Result<(), String> {
        let unknown = Outcome::Unknown as u8;
        let outcomes = match schema.outcome_name() {
            Some(_) => 0..=unknown,
            None => unknown..=unknown,
        };
        let within = |codes: &[u8], range: std::ops::RangeInclusive<u8>| {
            let each = codes.iter().map(|code| range.contains(code));
            each.fold(true, |all, one| all & one)
        };
        // The rules of a schema leave nobody out.
        let of_rules = |count: usize| match count {
            0 => UNKNOWN..=UNKNOWN,
            count => 0..=(count - 1) as u8,
        };
        for (what, codes, range) in [
            ("an outcome", self.outcomes, outcomes),
            (
                "a persona",
                self.personas,
                of_rules(schema.personas().len()),
            ),
            ("a stage", self.stages, of_rules(schema.stages().len())),
        ] {
            if !within(codes, range) {
                return Err(format!("{what} is none of the schema's"));
            }
        }
        Ok(())
    }

    /// Probabilities lie between 0 and 1, and the ranked ones are the same, by bands.
    fn check_probabilities(&self) -> Result<(), &'static str> {
        let within = |number: &f64| (0.0..=1.0).contains(number) && number.is_sign_positive();
        if !self.probabilities.iter().all(within) {
            return Err("a probability is none");
        }
        if !self.ranked.is_sorted() || fingerprint(self.ranked) != fingerprint(self.probabilities) {
            return Err("the ranked probabilities are others");
        }
        let of_band = |(number, ends): (usize, &[u32])| {
            let ranked = &self.ranked[ends[0] as usize..ends[1] as usize];
            let ends = [ranked.first(), ranked.last()];
            ends.into_iter().flatten().all(|one| band(*one) == number)
        };
        match self.bands[0] == 0 && self.bands.windows(2).take(BANDS).enumerate().all(of_band) {
            true => Ok(()),
            false => Err("the bands of probabilities are others"),
        }
    }
}

/// Of the numbers as they are in any order: to sort them would take as much memory again, which is seldom given back.
fn fingerprint(numbers: &[f64]) -> u128 {
    let hashes = numbers
        .iter()
        .map(|number| XxHash3_128::oneshot(&number.to_le_bytes()));
    hashes.fold(0, u128::wrapping_add)
}

/// The code that a byte stands for.
fn known(code: usize) -> f64 {
    match code == usize::from(UNKNOWN) {
        true => f64::NAN,
        false => code as f64,
    }
}

/// Whether a field may have a code, other fields aside.
fn fits(field: Field<'_>, code: f64) -> bool {
    if code.is_nan() {
        return !field.required();
    }
    // No profile has a negative zero.
    let whole = || code as i64 as f64 == code;
    let plain = code != 0.0 || code.is_sign_positive();
    plain
        && match field.kind() {
            Kind::Flag | Kind::Choice => whole() && code >= 0.0 && (code as usize) < field.codes(),
            Kind::Whole => whole() && field.range().contains(&code),
            Kind::Number | Kind::Money => field.range().contains(&code),
        }
}

fn state(need: &Need, code: f64) -> u8 {
    match code {
        code if code.is_nan() => UNSURE,
        code if need.allows(code) => MET,
        _ => UNMET,
    }
}
