//! The directory of customers: filtered, searched, sorted, paged.

use crate::View;
use crate::csv_cell;
use crate::movement::{self, GONE, MOVED, RiskChange};
use crate::prediction::Status;
use crate::query::Query;
use crate::selection::{self, Selection};
use crate::vocabulary;
use schema::intake::{CUSTOMER_ID, Quoted};
use schema::profile::CodeJson;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::fmt::{self, Write};
use std::ops::Range;
use utoipa::{IntoParams, ToSchema};
use workspace::Key;
use workspace::orders::by_code;
use workspace::previous::Gone;

/// Most customers on one page.
pub const LONGEST_PAGE: usize = 500;
pub(crate) const USUAL_PAGE: usize = 50;
/// The name of [`SortKey::Change`].
const CHANGE: &str = "change";

/// One customer in the directory.
#[derive(Clone, Copy)]
pub struct Row<'w> {
    view: &'w View<'w>,
    listed: Listed<'w>,
}

/// Who is listed.
#[derive(Clone, Copy)]
enum Listed<'w> {
    /// The customer at a position.
    Customer(usize),
    /// The customer at a position among those of the previous workspace who are gone.
    Gone(Gone<'w>, usize),
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({})", self.id())
    }
}

impl<'w> Row<'w> {
    /// The customer at a position.
    pub fn new(view: &'w View<'w>, customer: usize) -> Self {
        let listed = Listed::Customer(customer);
        Self { view, listed }
    }

    /// The id.
    pub fn id(&self) -> &'w str {
        match self.listed {
            Listed::Customer(customer) => self.view.customers.id(customer),
            Listed::Gone(gone, position) => gone.id(position),
        }
    }

    /// Its members by their names, in order; the first is the id under the given name.
    fn members<E>(
        &self,
        id: &'w str,
        mut member: impl FnMut(&'w str, CodeJson<'w>) -> Result<(), E>,
    ) -> Result<(), E> {
        member(id, CodeJson::Name(self.id()))?;
        match self.listed {
            Listed::Customer(customer) => members_of_customer(self.view, customer, member),
            Listed::Gone(gone, position) => members_of_gone(self.view, gone, position, member),
        }
    }
}

/// Probability, risk level, percentile, what changed about the risk, persona, stage, whether the customer is at risk, the fields that
/// the schema lists, the outcome, the status. What the schema lacks is no member, nor is what changed where there is no previous
/// workspace.
fn members_of_customer<'w, E>(
    view: &'w View<'w>,
    customer: usize,
    mut member: impl FnMut(&'w str, CodeJson<'w>) -> Result<(), E>,
) -> Result<(), E> {
    let (schema, customers) = (&view.schema, &view.customers);
    let probability = customers.probability(customer);
    member("probability", CodeJson::Number(probability))?;
    member("risk_level", CodeJson::Name(schema.level(probability).name))?;
    member(
        "percentile",
        CodeJson::Number(customers.percentile(probability)),
    )?;
    if let Some(change) = RiskChange::of(view, customer) {
        member(
            "change",
            change.change.map_or(CodeJson::Null, CodeJson::Number),
        )?;
        member("moved", change.moved.map_or(CodeJson::Null, CodeJson::Name))?;
        member("model_changed", CodeJson::Flag(change.model_changed))?;
    }
    let personas = customers.personas();
    if let Some(persona) = schema.personas().nth(usize::from(personas[customer])) {
        member("persona", CodeJson::Name(persona.name))?;
    }
    let stages = customers.stages();
    if let Some(stage) = schema.stages().nth(usize::from(stages[customer])) {
        member("stage", CodeJson::Name(stage.name))?;
    }
    let profile = view.profile(customer);
    member(
        "at_risk",
        CodeJson::Flag(schema.at_risk(profile.codes(), probability)),
    )?;
    for field in schema.list() {
        let code = profile.code(field.index());
        member(field.name(), view.schema.json_value(field.index(), code))?;
    }
    let left = customers.outcome(customer).left();
    if let Some(name) = schema.outcome_name() {
        member(name, left.map_or(CodeJson::Null, CodeJson::Flag))?;
    }
    member("status", CodeJson::Name(Status::of_outcome(left).name()))
}

/// All that is known of a customer who is gone: what the previous workspace said.
fn members_of_gone<'w, E>(
    view: &'w View<'w>,
    gone: Gone<'w>,
    position: usize,
    mut member: impl FnMut(&'w str, CodeJson<'w>) -> Result<(), E>,
) -> Result<(), E> {
    let probability = gone.probability(position);
    let level = view.schema.level(probability).name;
    let status = Status::of_outcome(gone.outcome(position).left());
    let [former_probability, former_risk_level, moved, former_status] = NAMES_OF_GONE;
    member(former_probability, CodeJson::Number(probability))?;
    member(former_risk_level, CodeJson::Name(level))?;
    member(moved, CodeJson::Name(GONE))?;
    member(former_status, CodeJson::Name(status.name()))
}

/// The members of a customer who is gone, after the id.
const NAMES_OF_GONE: [&str; 4] = [
    "former_probability",
    "former_risk_level",
    MOVED,
    "former_status",
];

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        self.members(CUSTOMER_ID, |name, value| {
            members.serialize_entry(name, &value)
        })?;
        members.end()
    }
}

/// All positions of a rising permutation, falling: those with a value of NaN stay last, equal ones in their order.
pub(crate) fn descending<'p>(
    rising: &'p [u32],
    value: impl Fn(u32) -> f64 + Copy + 'p,
) -> impl Iterator<Item = usize> + 'p {
    let known = rising.partition_point(|position| !value(*position).is_nan());
    let (known, unknown) = rising.split_at(known);
    let falling = falling(known, value).chain(unknown.iter().copied());
    falling.map(|position| position as usize)
}

/// A page of the directory.
#[derive(Clone, Debug, serde::Serialize, ToSchema)]
pub struct Page<'w> {
    /// The customers on this page.
    #[schema(value_type = Vec<vocabulary::DirectoryRow>)]
    pub items: Vec<Row<'w>>,
    /// How many customers there are on all pages.
    pub total: usize,
    /// Where the next page begins; none on the last.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

/// How the directory is searched, sorted and paged, as parameters of a query.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub struct Paging {
    /// The beginning of an id, as it is written or in capitals.
    #[param(required = false)]
    q: String,
    /// The order; prefix with `-` for descending order. `-probability` when absent.
    #[param(required = false, value_type = vocabulary::Sort)]
    sort: String,
    /// Most customers on the page; 50 when absent.
    #[param(required = false, minimum = 1, maximum = 500)]
    limit: usize,
    /// `next_cursor` of the page before. It ends with the workspace that it is of.
    #[param(required = false, pattern = "^[0-9a-f]{8}-[0-9]+$")]
    cursor: String,
}

/// What the directory is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SortKey {
    Id,
    Change,
    Key(Key),
}

impl SortKey {
    /// Every key that there is, with its name.
    pub(crate) fn all<'w>(
        view: &View<'w>,
    ) -> impl Iterator<Item = (&'w str, Self)> + Clone + use<'w> {
        let (schema, orders) = (view.schema, view.orders());
        let fields = schema
            .fields()
            .map(|field| (field.name(), Key::Field(field.index())));
        let fields = fields.filter(move |(_, key)| orders.by(*key).is_some());
        let outcome = schema.outcome_name().map(|name| (name, Key::Outcome));
        let keys = [("probability", Key::Probability)]
            .into_iter()
            .chain(fields);
        let keys = keys.map(|(name, key)| (name, Self::Key(key)));
        let id = [(CUSTOMER_ID, Self::Id)];
        let outcome = outcome.map(|(name, key)| (name, Self::Key(key)));
        let change = view.previous.map(|_| (CHANGE, Self::Change));
        keys.chain(id).chain(outcome).chain(change)
    }

    /// The value of a customer's key; NaN if unknown.
    fn value(self, view: &View<'_>, customer: usize) -> f64 {
        let customers = &view.customers;
        match self {
            Self::Id => customer as f64,
            Self::Key(Key::Probability) => customers.probability(customer),
            Self::Change => movement::change(view, customer).unwrap_or(f64::NAN),
            Self::Key(Key::Outcome) => customers
                .outcome(customer)
                .left()
                .map_or(f64::NAN, f64::from),
            Self::Key(Key::Field(field)) => customers.code(customer, field),
        }
    }
}

/// The values of the parameter `sort`.
pub fn sorts(view: &View<'_>) -> Vec<String> {
    upwards_and_downwards(SortKey::all(view).map(|(name, _)| name))
}

fn upwards_and_downwards<'n>(names: impl Iterator<Item = &'n str>) -> Vec<String> {
    names
        .flat_map(|name| [name.to_owned(), format!("-{name}")])
        .collect()
}

/// A request for a part of the directory.
#[derive(Clone, Debug)]
pub struct Request {
    selection: Selection,
    /// Whether it is about those who are gone.
    gone: bool,
    prefix: String,
    key: SortKey,
    descending: bool,
    limit: Option<usize>,
    cursor: Cursor,
}

/// Where a page begins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cursor {
    /// Customers before it.
    pub(crate) offset: usize,
    /// The workspace that it is of, where that is another one.
    pub(crate) of_another: Option<String>,
}

impl Cursor {
    /// Reads `cursor` from a query; without it, the first page begins.
    pub(crate) fn from_query(view: &View<'_>, query: &mut Query) -> Self {
        let Some(text) = query.text("cursor") else {
            return Self::default();
        };
        Self::of(view, &text).unwrap_or_else(|| {
            query.refuse(
                "cursor",
                format!(
                    "must be next_cursor of a page before, got {}",
                    Quoted(&text)
                ),
            );
            Self::default()
        })
    }

    /// The cursor of the page that begins after this many rows; none where that was the last.
    pub(crate) fn after(view: &View<'_>, end: usize, total: usize) -> Option<String> {
        (end < total).then(|| format!("{}-{end}", view.version()))
    }

    /// Reads `<version>-<offset>`.
    fn of(view: &View<'_>, text: &str) -> Option<Self> {
        let (version, offset) = text.split_once('-')?;
        let digits = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        if version.len() != 8 || !version.bytes().all(digits) {
            return None;
        }
        Some(Self {
            offset: offset.parse().ok()?,
            of_another: (version != view.version()).then(|| version.to_owned()),
        })
    }
}

impl Request {
    /// Reads filters, `q`, `sort`, `limit` and `cursor` from a query. What is wrong with them becomes an error of the query.
    /// Without `status`, only active customers are listed; without `sort`, those likeliest to leave come first. Of those who are gone
    /// only id, former probability and former status are known, and neither filtered nor sorted by anything else.
    pub fn from_query(view: &View<'_>, query: &mut Query) -> Self {
        let gone = view.previous.is_some() && query.is(MOVED, GONE);
        let selection = match gone {
            true => {
                query.text(MOVED);
                Selection::by_status(query)
            }
            false => Selection::from_query(view, query),
        };
        let prefix = query.text("q").unwrap_or_default().trim().to_owned();
        if view.previous.is_none() && query.has("sort", &[CHANGE, "-change"]) {
            query.refuse_given("sort", movement::UNKNOWN);
        }
        let known = |(_, key): &(&str, SortKey)| {
            !gone || matches!(key, SortKey::Id | SortKey::Key(Key::Probability))
        };
        let keys: Vec<(&str, SortKey)> = SortKey::all(view).filter(known).collect();
        let names = keys.iter().map(|(name, _)| *name);
        let sorts = upwards_and_downwards(names);
        let sort = query.choice("sort", sorts.iter().map(String::as_str));
        // Each key is there twice: rising, then descending.
        let chosen = sort.map(|sort| (keys[sort / 2].1, sort % 2 == 1));
        let (key, descending) = chosen.unwrap_or((SortKey::Key(Key::Probability), true));
        let cursor = Cursor::from_query(view, query);
        Self {
            selection,
            gone,
            prefix,
            key,
            descending,
            limit: query.number("limit", 1..=LONGEST_PAGE),
            cursor,
        }
    }

    /// The workspace that the cursor is of, where that is not this one: what was listed then may be in another order now.
    pub fn cursor_of_another(&self) -> Option<&str> {
        self.cursor.of_another.as_deref()
    }

    /// Those who are gone, where this request is about them.
    fn gone<'w>(&self, view: &View<'w>) -> Option<Gone<'w>> {
        movement::gone(view).filter(|_| self.gone)
    }

    /// Whom this request finds. An id is found by its beginning as it is written; where none begins so, in capitals.
    fn found(&self, view: &View<'_>) -> Found {
        let gone = self.gone(view);
        let count = gone.map_or(view.customers.len(), |gone| gone.len());
        let mut within = 0..count;
        if !self.prefix.is_empty() {
            let with_prefix = |prefix: &str| match gone {
                Some(gone) => gone.with_prefix(prefix),
                None => view.customers.with_prefix(prefix),
            };
            within = with_prefix(&self.prefix);
            if within.is_empty() {
                within = with_prefix(&self.prefix.to_uppercase());
            }
        }
        let first = within.start;
        let mask = match gone {
            Some(gone) => self.selection.mask_of_gone(gone, within),
            None => self.selection.mask_within(view, within),
        };
        Found {
            total: selection::count(&mask, |kept| kept),
            mask,
            first,
            among: count,
        }
    }

    /// The value of the key at a position; NaN if unknown.
    fn value<'v>(&self, view: &'v View<'v>) -> impl Fn(usize) -> f64 + Copy + use<'v> {
        let (key, gone) = (self.key, self.gone(view));
        move |position| match (key, gone) {
            (SortKey::Id, _) | (_, None) => key.value(view, position),
            (_, Some(gone)) => gone.probability(position),
        }
    }

    /// All positions in the order of this request: by the key, unknown ones last, equal ones by rising id.
    fn order<'v>(&self, view: &'v View<'v>) -> Box<dyn Iterator<Item = usize> + 'v> {
        let gone = self.gone(view);
        let count = gone.map_or(view.customers.len(), |gone| gone.len());
        let by = match (self.key, gone) {
            (SortKey::Id, _) => None,
            (_, Some(gone)) => Some(gone.ranked()),
            (SortKey::Change, None) => view.previous.map(|previous| previous.by_change()),
            (SortKey::Key(key), None) => view.orders().by(key),
        };
        let value = self.value(view);
        let value = move |position: u32| value(position as usize);
        match (by, self.descending) {
            (None, false) => Box::new(0..count),
            (None, true) => Box::new((0..count).rev()),
            (Some(rising), false) => Box::new(rising.iter().map(|position| *position as usize)),
            (Some(rising), true) => Box::new(descending(rising, value)),
        }
    }

    /// Some of those who were found, by their places in the order.
    fn listed(&self, view: &View<'_>, found: &Found, places: Range<usize>) -> Vec<usize> {
        let places = places.start..places.end.min(found.total);
        if places.is_empty() {
            return Vec::new();
        }
        // The expected number of customers to step over in the order of all before the last of these is found. Each step is a
        // random access to memory, which costs about twice its share of sorting.
        let passed = places.end as f64 * found.among as f64 / found.total as f64;
        let sorted = found.total + found.mask.len() / 128;
        match 2.0 * passed > sorted as f64 {
            true => self.sorted(view, found, places),
            false => self.picked(view, found, places),
        }
    }

    /// Picks them from the order of all.
    fn picked(&self, view: &View<'_>, found: &Found, places: Range<usize>) -> Vec<usize> {
        let listed = self.order(view).filter(|position| found.has(*position));
        listed.skip(places.start).take(places.len()).collect()
    }

    /// Sorts all who were found, as far as the places reach.
    fn sorted(&self, view: &View<'_>, found: &Found, places: Range<usize>) -> Vec<usize> {
        let mut all = found.positions();
        let value = self.value(view);
        let in_order = |one: &usize, other: &usize| {
            let (a, b) = (value(*one), value(*other));
            let by_value = match self.descending && !a.is_nan() && !b.is_nan() {
                true => b.total_cmp(&a),
                false => by_code(a, b),
            };
            by_value.then(one.cmp(other))
        };
        if places.end < all.len() {
            all.select_nth_unstable_by(places.end, in_order);
            all.truncate(places.end);
        }
        all.sort_unstable_by(in_order);
        all.drain(..places.start);
        all
    }

    /// The positions of all listed customers, in order: none where those are listed who are gone.
    pub fn customers(&self, view: &View<'_>) -> Vec<usize> {
        match self.gone {
            true => Vec::new(),
            false => self.listed(view, &self.found(view), 0..usize::MAX),
        }
    }

    /// The rows at some places of the order of those who were found.
    fn rows<'w>(
        &self,
        view: &'w View<'w>,
        found: &Found,
        places: Range<usize>,
    ) -> impl Iterator<Item = Row<'w>> + use<'w> {
        let gone = self.gone(view);
        let listed = self.listed(view, found, places).into_iter();
        listed.map(move |position| Row {
            view,
            listed: match gone {
                Some(gone) => Listed::Gone(gone, position),
                None => Listed::Customer(position),
            },
        })
    }

    /// The listed customers as a CSV file (RFC 4180), and how many there are: all of them, unless there is a limit. The id has the
    /// name that the business gives it, so that the file is read again.
    pub fn csv(&self, view: &View<'_>) -> (Vec<u8>, usize) {
        let from = self.cursor.offset;
        let end = self
            .limit
            .map_or(usize::MAX, |limit| from.saturating_add(limit));
        let id = view.schema.id_name();
        let mut file = Vec::new();
        let mut count = 0;
        let mut header = Line::of(&mut file);
        if self.gone {
            let mut names = [id].into_iter().chain(NAMES_OF_GONE);
            let Ok(()) = names.try_for_each(|name| header.push(name));
            header.end();
        } else if !view.customers.is_empty() {
            // Without customers there is no row to take the names from, but no workspace is without.
            let Ok(()) = Row::new(view, 0).members(id, |name, _| header.push(name));
            header.end();
        }
        let mut cell = String::new();
        for listed in self.rows(view, &self.found(view), from..end) {
            let mut row = Line::of(&mut file);
            let Ok(()) = listed.members(id, |_, value| {
                cell.clear();
                let written = match value {
                    CodeJson::Null => Ok(()),
                    CodeJson::Flag(flag) => write!(cell, "{flag}"),
                    CodeJson::Name(name) => return row.push(name),
                    CodeJson::Whole(number) => write!(cell, "{number}"),
                    CodeJson::Number(number) => write!(cell, "{number}"),
                };
                written.expect("memory takes every cell");
                row.push(&cell)
            });
            row.end();
            count += 1;
        }
        (file, count)
    }

    /// The page.
    pub fn page<'w>(&self, view: &'w View<'w>) -> Page<'w> {
        let found = self.found(view);
        let total = found.total;
        let from = self.cursor.offset;
        let limit = self.limit.unwrap_or(USUAL_PAGE);
        let end = from.saturating_add(limit).min(total);
        Page {
            items: self.rows(view, &found, from..end).collect(),
            total,
            next_cursor: Cursor::after(view, end, total),
        }
    }
}

/// Whom a request finds.
struct Found {
    /// Of some neighbours by id, whether each is found; nobody else is.
    mask: Vec<bool>,
    /// The position of the first of them.
    first: usize,
    /// How many are found.
    total: usize,
    /// Among how many.
    among: usize,
}

impl Found {
    fn has(&self, position: usize) -> bool {
        let kept = self.mask.get(position.wrapping_sub(self.first));
        kept.copied().unwrap_or(false)
    }

    /// The positions of all who are found, rising.
    fn positions(&self) -> Vec<usize> {
        let mut positions = Vec::with_capacity(self.total);
        for (start, some) in (self.first..).step_by(64).zip(self.mask.chunks(64)) {
            // Where few are found, there is nobody in most stretches.
            if some.contains(&true) {
                let kept = (start..).zip(some).filter(|(_, kept)| **kept);
                positions.extend(kept.map(|(position, _)| position));
            }
        }
        positions
    }
}

/// Customers by falling value, equal ones as they come, of those by rising value. Reads few values of a long run of equal ones, so
/// that the first of many are found at once.
fn falling(rising: &[u32], value: impl Fn(u32) -> f64) -> impl Iterator<Item = u32> {
    let mut rest = rising;
    let mut equal = rising[..0].iter();
    std::iter::from_fn(move || {
        if equal.as_slice().is_empty() {
            let top = value(*rest.last()?);
            let start = beginning(rest, |customer| value(customer) < top);
            let (before, run) = rest.split_at(start);
            (rest, equal) = (before, run.iter());
        }
        equal.next().copied()
    })
}

/// How many of the first this holds for; not for the last. Looks at the end, then twice as far before it each time.
fn beginning(rising: &[u32], below: impl Fn(u32) -> bool) -> usize {
    let mut high = rising.len() - 1;
    let mut step = 1;
    while high > 0 {
        let low = high.saturating_sub(step);
        if below(rising[low]) {
            let between = &rising[low + 1..high];
            return low + 1 + between.partition_point(|customer| below(*customer));
        }
        high = low;
        step *= 2;
    }
    0
}

/// A line of a CSV file as far as it is written.
pub(crate) struct Line<'f> {
    file: &'f mut Vec<u8>,
    empty: bool,
}

impl<'f> Line<'f> {
    pub(crate) fn of(file: &'f mut Vec<u8>) -> Self {
        Self { file, empty: true }
    }

    pub(crate) fn push(&mut self, cell: &str) -> Result<(), std::convert::Infallible> {
        if !std::mem::take(&mut self.empty) {
            self.file.push(b',');
        }
        csv_cell::push(self.file, cell);
        Ok(())
    }

    pub(crate) fn end(self) {
        self.file.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Live;
    use crate::embedded;
    use serde_json::Value;
    use std::cmp::Ordering;
    use workspace::Outcome;

    fn live() -> Live {
        embedded::live(embedded::whole())
    }

    fn request(view: &View<'_>, text: &str) -> Request {
        let query = Query::parse(text).unwrap();
        query
            .read(|query| Request::from_query(view, query))
            .unwrap()
    }

    fn position(row: &Row<'_>) -> usize {
        match row.listed {
            Listed::Customer(position) | Listed::Gone(_, position) => position,
        }
    }

    const EVERYBODY: &str = "status=active&status=left";

    #[test]
    fn falling_orders_are_those_of_runs_of_equal_values() {
        let mut random = fastrand::Rng::with_seed(3);
        for values in [1, 2, 5, 40, 5000] {
            for count in [0, 1, 2, 3, 100, 1000] {
                let mut sorted: Vec<f64> = (0..count)
                    .map(|_| f64::from(random.u32(..values)))
                    .collect();
                sorted.sort_by(f64::total_cmp);
                let rising: Vec<u32> = (0..count).collect();
                let value = |customer: u32| sorted[customer as usize];
                let runs = rising.chunk_by(|a, b| value(*a) == value(*b));
                let expected: Vec<u32> = runs.rev().flatten().copied().collect();
                let found: Vec<u32> = falling(&rising, value).collect();
                assert_eq!(found, expected, "{values} {count}");
            }
        }
    }

    #[test]
    fn listed_customers_are_the_same_picked_from_the_order_or_sorted() {
        let live = live();
        let view = live.view();
        let among = view.customers.len();
        let mut random = fastrand::Rng::with_seed(11);
        for sort in sorts(view) {
            let request = request(view, &format!("sort={sort}"));
            for (first, length, share) in [
                (0, among, 0.5),
                (0, among, 0.002),
                (among - 70, 70, 1.0),
                (1234, 1000, 0.1),
                (17, 1, 1.0),
                (9, 100, 0.0),
            ] {
                let mask: Vec<bool> = (0..length).map(|_| random.f64() < share).collect();
                let total = selection::count(&mask, |kept| kept);
                let found = Found {
                    mask,
                    first,
                    total,
                    among,
                };
                let picked = |places: Range<usize>| request.picked(view, &found, places);
                let all = picked(0..total);
                assert_eq!(all.len(), total);
                for places in [
                    0..total,
                    0..total / 3,
                    total / 2..total,
                    total / 4..total / 3,
                ] {
                    let expected = &all[places.clone()];
                    assert_eq!(picked(places.clone()), expected);
                    assert_eq!(request.sorted(view, &found, places.clone()), expected);
                    assert_eq!(request.listed(view, &found, places), expected);
                }
                assert_eq!(request.listed(view, &found, 0..usize::MAX), all);
                assert_eq!(request.listed(view, &found, total..total + 5), [0; 0]);
            }
        }
    }

    #[test]
    fn searches_with_filters_find_whom_both_hold() {
        let live = live();
        let view = live.view();
        let beginning = &view.customers.id(0)[..1];
        for filters in [
            EVERYBODY,
            "",
            "contract=One+year",
            "persona=strained&risk_level=high",
        ] {
            let all = request(view, filters).customers(view);
            let begins = |customer: &usize| view.customers.id(*customer).starts_with(beginning);
            let expected: Vec<usize> = all.into_iter().filter(begins).collect();
            assert!(!expected.is_empty());
            let search = request(view, &format!("q={beginning}&{filters}"));
            assert_eq!(search.customers(view), expected, "{filters}");
            assert_eq!(search.page(view).total, expected.len());
        }
    }

    #[test]
    fn pages_join_to_the_whole_directory_in_order_by_every_key() {
        let live = live();
        let view = live.view();
        let keys: Vec<(&str, SortKey)> = SortKey::all(view).collect();
        assert_eq!(
            sorts(view).join(" "),
            "probability -probability tenure_months -tenure_months monthly_charges -monthly_charges customer_id -customer_id \
            churned -churned"
        );
        for (name, key) in keys {
            for dash in ["", "-"] {
                let mut found = Vec::new();
                let mut cursor = Some(format!("{}-0", view.version()));
                while let Some(from) = cursor {
                    let text = format!("{EVERYBODY}&sort={dash}{name}&limit=500&cursor={from}");
                    let page = request(view, &text).page(view);
                    assert_eq!(page.total, view.customers.len());
                    found.extend(page.items.iter().map(position));
                    cursor = page.next_cursor;
                }
                let value = |customer: &usize| key.value(view, *customer);
                let mut expected: Vec<usize> = (0..view.customers.len()).collect();
                // Stable, so equal ones stay by rising id.
                expected.sort_by(|a, b| {
                    let (a, b) = (value(a), value(b));
                    let by_value = match dash {
                        "" => a.total_cmp(&b),
                        _ => b.total_cmp(&a),
                    };
                    a.is_nan().cmp(&b.is_nan()).then(if a.is_nan() {
                        Ordering::Equal
                    } else {
                        by_value
                    })
                });
                assert_eq!(found, expected, "{dash}{name}");
            }
        }
    }

    #[test]
    fn a_search_finds_ids_by_their_beginning_as_written_or_in_capitals() {
        let live = live();
        let view = live.view();
        let wanted = view.customers.id(99);
        for beginning in [
            &wanted[..7],
            &wanted[..7].to_lowercase(),
            &format!("+{}+", &wanted[..7]),
        ] {
            let page = request(view, &format!("q={beginning}&{EVERYBODY}")).page(view);
            assert!(
                page.items.iter().any(|row| row.id() == wanted),
                "{beginning}"
            );
            assert!(
                page.items
                    .iter()
                    .all(|row| row.id().starts_with(&wanted[..7]))
            );
        }
        assert_eq!(request(view, &format!("q={wanted}x")).page(view).total, 0);
    }

    #[test]
    fn the_file_holds_what_the_pages_hold() {
        let live = live();
        let view = live.view();
        let request = request(view, "contract=Two+year&sort=monthly_charges");
        let (file, count) = request.csv(view);
        let mut reader = csv::Reader::from_reader(file.as_slice());
        let columns: Vec<String> = reader
            .headers()
            .unwrap()
            .iter()
            .map(str::to_owned)
            .collect();
        assert_eq!(
            columns.join(" "),
            "customer_id probability risk_level percentile persona stage at_risk variant contract tenure_months \
            monthly_charges churned status"
        );
        let customers = request.customers(view);
        assert_eq!(count, customers.len());
        let mut records = 0;
        for (record, customer) in reader.records().zip(customers) {
            let row = serde_json::to_value(Row::new(view, customer)).unwrap();
            let row = row.as_object().unwrap();
            assert_eq!(row.len(), columns.len());
            for (column, cell) in columns.iter().zip(&record.unwrap()) {
                let written = match &row[column] {
                    Value::Null => String::new(),
                    Value::String(text) => text.clone(),
                    Value::Number(number) => number.as_f64().unwrap().to_string(),
                    other => other.to_string(),
                };
                assert_eq!(cell, written, "{column}");
            }
            records += 1;
        }
        assert_eq!(records, count);
        assert!(file.ends_with(b"\r\n"));
        let (part, count) = self::request(
            view,
            &format!(
                "contract=Two+year&sort=monthly_charges&limit=3&cursor={}-2",
                view.version()
            ),
        )
        .csv(view);
        let lines = |file: &[u8]| -> Vec<String> {
            let lines = std::str::from_utf8(file).unwrap().lines();
            lines.map(str::to_owned).collect()
        };
        assert_eq!(
            (lines(&part)[1..].to_vec(), count),
            (lines(&file)[3..6].to_vec(), 3)
        );
    }

    #[test]
    fn a_page_beyond_the_end_is_empty() {
        let live = live();
        let view = live.view();
        let beyond = format!("cursor={}-18446744073709551615", view.version());
        let page = request(view, &beyond).page(view);
        let all = request(view, "").customers(view).len();
        assert_eq!(
            (page.items.len(), page.total, page.next_cursor),
            (0, all, None)
        );
        let (file, count) = request(view, &beyond).csv(view);
        assert_eq!(
            (file.iter().filter(|byte| **byte == b'\n').count(), count),
            (1, 0)
        );
    }

    #[test]
    fn customers_who_left_are_listed_only_where_they_are_asked_for() {
        let live = live();
        let view = live.view();
        let outcomes = |text: &str| -> Vec<Outcome> {
            let listed = request(view, text).customers(view).into_iter();
            listed
                .map(|customer| view.customers.outcome(customer))
                .collect()
        };
        assert!(!outcomes("").contains(&Outcome::Left));
        assert!(!outcomes("status=left").contains(&Outcome::Stayed));
        let both = outcomes("status=left&status=active&limit=500");
        assert!(both.contains(&Outcome::Left) && both.contains(&Outcome::Stayed));
        let mut all = 0..view.customers.len();
        let left = all.find(|customer| view.customers.outcome(*customer) == Outcome::Left);
        let id = view.customers.id(left.unwrap());
        assert_eq!(request(view, &format!("q={id}")).page(view).total, 0);
        assert_eq!(
            request(view, &format!("q={id}&status=left"))
                .page(view)
                .total,
            1
        );
        let (file, _) = request(view, "").csv(view);
        assert!(!String::from_utf8(file).unwrap().contains(id));
    }

    #[test]
    fn those_likeliest_to_leave_come_first_on_a_page_of_fifty() {
        let live = live();
        let view = live.view();
        let page = request(view, "").page(view);
        assert_eq!(
            (page.items.len(), page.next_cursor.as_deref()),
            (50, Some(&*format!("{}-50", view.version())))
        );
        let probability = |row: &Row<'_>| view.customers.probability(position(row));
        assert!(
            page.items
                .is_sorted_by(|a, b| probability(a) >= probability(b))
        );
    }
}
