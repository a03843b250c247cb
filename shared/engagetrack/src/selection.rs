//! Filters: which customers a request selects, shared by the directory, the explanations and the analytics.

use crate::View;
use crate::movement::{self, GONE, MOVED, MOVEMENTS};
use crate::prediction::Status;
use crate::query::Query;
use schema::{Field, FilterParameters, Kind, Schema};
use std::ops::Range;
use workspace::Outcome;
use workspace::customers::{Column, UNKNOWN};
use workspace::previous::Gone;

/// The filter by status; its values are those of [`Status`].
pub const STATUS: &str = "status";
/// The filter by persona.
pub const PERSONA: &str = "persona";
/// The filter by stage.
pub const STAGE: &str = "stage";
/// The filter by risk level.
pub const RISK_LEVEL: &str = "risk_level";
/// The filter by what is unknown; its values are the fields that are [`optional`].
pub const MISSING: &str = "missing";

/// The values of a filter by a flag or a choice, in the order of the bins of its distribution.
pub fn filter_values<'w>(field: Field<'w>) -> impl Iterator<Item = &'w str> + Clone {
    let flags: &[&str] = match field.kind() {
        Kind::Flag => &["false", "true"],
        _ => &[],
    };
    let choices = match field.kind() {
        Kind::Choice => field.choices(),
        _ => 0,
    };
    let names = field.values().take(choices).map(|value| value.name());
    flags.iter().copied().chain(names)
}

/// The position among [`filter_values`] of a code. A flag that can't be set is `false`, as in a profile.
pub fn value_of_code(field: Field<'_>, code: usize) -> usize {
    match field.kind() {
        Kind::Flag => usize::from(code == 1),
        _ => code,
    }
}

/// The fields that need not be known of a customer.
pub fn optional<'w>(schema: &Schema<'w>) -> impl Iterator<Item = Field<'w>> + Clone + use<'w> {
    schema.fields().filter(|field| !field.required())
}

/// Any of some codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct CodeSet([u64; 4]);

impl CodeSet {
    fn of(codes: impl IntoIterator<Item = usize>) -> Self {
        let mut set = Self::default();
        for code in codes {
            set.0[code / 64] |= 1 << (code % 64);
        }
        set
    }

    fn has(self, code: usize) -> bool {
        self.0
            .get(code / 64)
            .is_some_and(|bits| bits >> (code % 64) & 1 == 1)
    }
}

/// The numbers from one to below another.
#[derive(Clone, Copy, Debug, PartialEq)]
struct HalfOpen {
    from: f64,
    below: f64,
}

impl HalfOpen {
    /// NaN lies in none.
    fn has(self, number: f64) -> bool {
        self.from <= number && number < self.below
    }
}

/// A filter by one column.
#[derive(Clone, Debug, PartialEq)]
enum Filter {
    /// The field has one of these codes.
    Codes(usize, CodeSet),
    /// The field is a number in this range.
    Range(usize, HalfOpen),
    /// The persona is one of these.
    Persona(CodeSet),
    /// The stage is one of these.
    Stage(CodeSet),
    /// The risk level is one of these.
    RiskLevel(CodeSet),
    /// The risk level moved in one of these ways since the previous workspace.
    Moved(CodeSet),
    /// One of these fields is unknown.
    Missing(Vec<usize>),
}

/// A set of customers, described by filters. All filters must hold; within one, any of its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// Whether customers of each status of [`Status::ALL`] are selected.
    statuses: [bool; Status::ALL.len()],
    filters: Vec<Filter>,
}

impl Default for Selection {
    /// Every active customer.
    fn default() -> Self {
        Self {
            statuses: Self::ACTIVE,
            filters: Vec::new(),
        }
    }
}

impl Selection {
    const ACTIVE: [bool; 2] = [true, false];
    const EVERYBODY: [bool; 2] = [true, true];

    /// Reads the filters among the parameters of a query; without a status, customers who left are not selected. What is wrong with
    /// the filters becomes an error of the query.
    pub fn from_query(view: &View<'_>, query: &mut Query) -> Self {
        Self::with_usual_statuses(view, query, Self::ACTIVE)
    }

    /// As [`Self::from_query`], but without a status customers who left are selected, too.
    pub fn of_everybody(view: &View<'_>, query: &mut Query) -> Self {
        Self::with_usual_statuses(view, query, Self::EVERYBODY)
    }

    fn with_usual_statuses(view: &View<'_>, query: &mut Query, usual: [bool; 2]) -> Self {
        let schema = &view.schema;
        let statuses = statuses(query, usual);
        let mut filters = Vec::new();
        for field in schema.fields() {
            let Some(parameters) = field.filter() else {
                continue;
            };
            let filter = match parameters {
                FilterParameters::Values(name) => {
                    let values = query.choices(name, filter_values(field));
                    let is_named = |code: &usize| values.contains(&value_of_code(field, *code));
                    let codes = CodeSet::of((0..field.codes()).filter(is_named));
                    (!values.is_empty()).then_some(Filter::Codes(field.index(), codes))
                }
                _ => {
                    range(query, field, parameters).map(|range| Filter::Range(field.index(), range))
                }
            };
            filters.extend(filter);
        }
        let mut positions = |name: &str, filter: fn(CodeSet) -> Filter, values: Vec<&str>| {
            if values.is_empty() {
                return;
            }
            let codes = query.choices(name, values);
            if !codes.is_empty() {
                filters.push(filter(CodeSet::of(codes)));
            }
        };
        let personas = schema.personas().map(|persona| persona.name).collect();
        let stages = schema.stages().map(|stage| stage.name).collect();
        let levels = schema.levels().map(|level| level.name).collect();
        positions(PERSONA, Filter::Persona, personas);
        positions(STAGE, Filter::Stage, stages);
        positions(RISK_LEVEL, Filter::RiskLevel, levels);
        let missing: Vec<Field<'_>> = optional(schema).collect();
        if !missing.is_empty() {
            let named = query.choices(MISSING, missing.iter().map(Field::name));
            let fields: Vec<usize> = named
                .into_iter()
                .map(|name| missing[name].index())
                .collect();
            if !fields.is_empty() {
                filters.push(Filter::Missing(fields));
            }
        }
        filters.extend(moved(view, query));
        Self { statuses, filters }
    }

    /// Reads the filter by status alone; without it, customers who left are not selected.
    pub(crate) fn by_status(query: &mut Query) -> Self {
        Self {
            statuses: statuses(query, Self::ACTIVE),
            filters: Vec::new(),
        }
    }

    /// The statuses that are selected.
    pub fn statuses(&self) -> Vec<Status> {
        let all = Status::ALL.into_iter().zip(self.statuses);
        all.filter_map(|(status, selected)| selected.then_some(status))
            .collect()
    }

    /// Whether customers with each outcome are selected, by its code.
    pub(crate) fn outcomes(&self) -> [bool; 3] {
        let [active, left] = self.statuses;
        let mut outcomes = [active; 3];
        outcomes[Outcome::Left as usize] = left;
        outcomes
    }

    /// How many customers of the previous workspace are gone: those whose former status is selected. None without a previous workspace,
    /// or with other filters, because those who are gone have no profile.
    pub(crate) fn count_of_gone(&self, view: &View<'_>) -> Option<usize> {
        let gone = movement::gone(view).filter(|_| self.filters.is_empty())?;
        Some(count(&self.mask_of_gone(gone, 0..gone.len()), |kept| kept))
    }

    /// For each of these customers who are gone whether the former status is selected.
    pub(crate) fn mask_of_gone(&self, gone: Gone<'_>, within: Range<usize>) -> Vec<bool> {
        let outcomes = self.outcomes();
        within
            .map(|position| outcomes[gone.outcome(position) as usize])
            .collect()
    }

    /// For each customer whether it is selected.
    pub fn mask(&self, view: &View<'_>) -> Vec<bool> {
        self.mask_within(view, 0..view.customers.len())
    }

    /// For each of these customers whether it is selected.
    pub(crate) fn mask_within(&self, view: &View<'_>, customers: Range<usize>) -> Vec<bool> {
        let mut mask = self.mask_of_any_status(view, customers.clone());
        if self.statuses != Self::EVERYBODY {
            let [stayed, left, unknown] = self.outcomes();
            let mut allowed = [unknown; 256];
            allowed[Outcome::Stayed as usize] = stayed;
            allowed[Outcome::Left as usize] = left;
            keep_codes(&mut mask, &view.customers.outcomes()[customers], &allowed);
        }
        mask
    }

    /// For each of these customers whether it passes the filters, whatever its status.
    pub(crate) fn mask_of_any_status(&self, view: &View<'_>, within: Range<usize>) -> Vec<bool> {
        let customers = &view.customers;
        let mut mask = vec![true; within.len()];
        let by_code = |codes: &CodeSet| {
            std::array::from_fn(|code| code != usize::from(UNKNOWN) && codes.has(code))
        };
        let column = |field: usize| customers.column(field).of(within.clone());
        for filter in &self.filters {
            match filter {
                Filter::Codes(field, codes) => match column(*field) {
                    Column::Codes(column) => keep_codes(&mut mask, column, &by_code(codes)),
                    Column::Amounts(column) => {
                        keep(&mut mask, column, |code| {
                            !code.is_nan() && codes.has(code as usize)
                        });
                    }
                },
                Filter::Range(field, range) => match column(*field) {
                    Column::Codes(column) => {
                        let codes = CodeSet::of((0..256).filter(|code| range.has(*code as f64)));
                        keep_codes(&mut mask, column, &by_code(&codes));
                    }
                    Column::Amounts(column) => keep(&mut mask, column, |amount| range.has(amount)),
                },
                Filter::Persona(codes) => {
                    let personas = &customers.personas()[within.clone()];
                    keep_codes(&mut mask, personas, &by_code(codes));
                }
                Filter::Stage(codes) => {
                    let stages = &customers.stages()[within.clone()];
                    keep_codes(&mut mask, stages, &by_code(codes));
                }
                Filter::RiskLevel(codes) => {
                    let probabilities = &customers.probabilities()[within.clone()];
                    let ranges = probabilities_of(&view.schema, *codes);
                    match ranges.as_slice() {
                        [range] => keep(&mut mask, probabilities, |probability| {
                            range.has(probability)
                        }),
                        ranges => keep(&mut mask, probabilities, |probability| {
                            ranges.iter().any(|range| range.has(probability))
                        }),
                    }
                }
                Filter::Moved(codes) => {
                    let movements = view.previous.as_ref();
                    let movements =
                        movements.map_or(&[][..], |previous| &previous.movements()[within.clone()]);
                    keep_codes(&mut mask, movements, &by_code(codes));
                }
                Filter::Missing(fields) => {
                    let columns: Vec<Column<'_>> =
                        fields.iter().map(|field| column(*field)).collect();
                    for (customer, kept) in mask.iter_mut().enumerate() {
                        *kept &= columns.iter().any(|column| column.code(customer).is_nan());
                    }
                }
            }
        }
        mask
    }

    /// The positions of the selected customers, rising.
    pub fn positions(&self, view: &View<'_>) -> Vec<usize> {
        let mask = self.mask(view);
        let mut selected = Vec::with_capacity(count(&mask, |kept| kept));
        selected.extend((0..mask.len()).filter(|customer| mask[*customer]));
        selected
    }
}

/// How many of some bytes this holds for.
pub(crate) fn count<T: Copy>(bytes: &[T], holds: impl Fn(T) -> bool) -> usize {
    // So few at a time that their number is a byte, too: that of many is counted at once.
    let some = bytes.chunks(240);
    let counts = some.map(|some| some.iter().map(|byte| u8::from(holds(*byte))).sum::<u8>());
    counts.map(usize::from).sum()
}

fn keep_codes(mask: &mut [bool], column: &[u8], allowed: &[bool; 256]) {
    // Most filters allow neighbouring codes, or all others, which many customers are compared with at a time.
    if let Some((first, span)) = neighbours(allowed, true) {
        for (kept, code) in mask.iter_mut().zip(column) {
            *kept &= code.wrapping_sub(first) <= span;
        }
    } else if let Some((first, span)) = neighbours(allowed, false) {
        for (kept, code) in mask.iter_mut().zip(column) {
            *kept &= code.wrapping_sub(first) > span;
        }
    } else {
        for (kept, code) in mask.iter_mut().zip(column) {
            *kept &= allowed[usize::from(*code)];
        }
    }
}

/// The first of the codes that are allowed, or of those that are not, and how far from it the last one is; none where there is
/// another in between.
fn neighbours(allowed: &[bool; 256], wanted: bool) -> Option<(u8, u8)> {
    let codes = || (0..=u8::MAX).filter(|code| allowed[usize::from(*code)] == wanted);
    let (first, last) = (codes().next()?, codes().next_back()?);
    (codes().count() == usize::from(last - first) + 1).then_some((first, last - first))
}

fn keep(mask: &mut [bool], column: &[f64], passes: impl Fn(f64) -> bool) {
    for (kept, number) in mask.iter_mut().zip(column) {
        *kept &= passes(*number);
    }
}

/// The probabilities of some risk levels; neighbouring levels make one range.
fn probabilities_of(schema: &Schema<'_>, levels: CodeSet) -> Vec<HalfOpen> {
    let mut ranges: Vec<HalfOpen> = Vec::new();
    for level in schema.levels().filter(|level| levels.has(level.index)) {
        let next = schema.levels().nth(level.index + 1);
        let below = next.map_or(f64::INFINITY, |next| next.from);
        match ranges.last_mut() {
            Some(range) if range.below == level.from => range.below = below,
            _ => ranges.push(HalfOpen {
                from: level.from,
                below,
            }),
        }
    }
    ranges
}

/// Reads the filter by status.
fn statuses(query: &mut Query, usual: [bool; 2]) -> [bool; 2] {
    let statuses = query.choices(STATUS, Status::ALL.iter().map(|status| status.name()));
    match statuses.as_slice() {
        [] => usual,
        given => [0, 1].map(|status| given.contains(&status)),
    }
}

/// Reads the filter by movement.
fn moved(view: &View<'_>, query: &mut Query) -> Option<Filter> {
    if view.previous.is_none() {
        query.refuse_given(MOVED, movement::UNKNOWN);
        return None;
    }
    if query.has(MOVED, &[GONE]) {
        query.refuse_given(
            MOVED,
            "gone can't be combined with other filters but status, and only the directory lists those who are gone: they have no profile",
        );
    }
    let named = query.choices(MOVED, MOVEMENTS.iter().map(|(name, ..)| *name));
    let codes = named.iter().map(|position| MOVEMENTS[*position].2 as usize);
    (!named.is_empty()).then(|| Filter::Moved(CodeSet::of(codes)))
}

/// Reads both ends of a range. Whole numbers have a largest value, others a limit that none reaches, so that neighbouring ranges of
/// either kind neither overlap nor leave a gap.
fn range(
    query: &mut Query,
    field: Field<'_>,
    parameters: FilterParameters<'_>,
) -> Option<HalfOpen> {
    let (least, most) = field.range().into_inner();
    let (min, end, from, below) = match parameters {
        FilterParameters::Values(_) => return None,
        FilterParameters::Whole { min, max } => {
            let range = least as i64..=most as i64;
            let from = query.number(min, range.clone()).map(|from| from as f64);
            let below = query.number(max, range).map(|to| (to + 1) as f64);
            (min, max, from, below)
        }
        FilterParameters::Number { min, below } => {
            let (from, to) = (
                query.number(min, least..=most),
                query.number(below, least..=most),
            );
            (min, below, from, to)
        }
    };
    if let (Some(from), Some(below)) = (from, below)
        && from >= below
    {
        query.refuse(
            min,
            format_args!("leaves nothing: {from} lies above what {end} allows"),
        );
    }
    (from.is_some() || below.is_some()).then(|| HalfOpen {
        from: from.unwrap_or(f64::NEG_INFINITY),
        below: below.unwrap_or(f64::INFINITY),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Live;
    use crate::embedded;

    fn live() -> Live {
        embedded::live(embedded::whole())
    }

    fn selection(view: &View<'_>, text: &str) -> Selection {
        let query = Query::parse(text).unwrap();
        query
            .read(|query| Selection::from_query(view, query))
            .unwrap()
    }

    fn select(view: &View<'_>, text: &str) -> Vec<usize> {
        selection(view, text).positions(view)
    }

    const EVERYBODY: &str = "status=active&status=left";

    #[test]
    fn status_selects_active_customers_unless_it_is_given() {
        let live = live();
        let view = live.view();
        let churned = |text: &str| -> Vec<bool> {
            let selected = select(view, text).into_iter();
            let outcomes = selected.map(|customer| view.customers.outcome(customer));
            outcomes.map(|outcome| outcome == Outcome::Left).collect()
        };
        assert!(!churned("").is_empty() && !churned("").contains(&true));
        assert_eq!(churned("status=active"), churned(""));
        assert!(!churned("status=left").is_empty() && !churned("status=left").contains(&false));
        assert_eq!(
            churned(EVERYBODY).len(),
            churned("").len() + churned("status=left").len()
        );
        assert_eq!(
            Selection::default().positions(view),
            select(view, "status=active")
        );
        let of_everybody = |text: &str| {
            let query = Query::parse(text).unwrap();
            let selection = query.read(|query| Selection::of_everybody(view, query));
            selection.unwrap().positions(view).len()
        };
        assert_eq!(of_everybody(""), view.customers.len());
        assert_eq!(of_everybody("status=left"), churned("status=left").len());
    }

    #[test]
    fn filters_select_whom_a_search_through_all_profiles_finds() {
        let live = live();
        let view = live.view();
        let schema = &view.schema;
        let field = |name: &str| schema.find(name).unwrap().index();
        type Holds<'a> = Box<dyn Fn(usize, &[f64]) -> bool + 'a>;
        let code = |name: &str, codes: &[f64]| codes[field(name)];
        let level = |customer: usize| schema.level(view.customers.probability(customer)).name;
        let cases: [(&str, Holds<'_>); 8] = [
            (
                "contract=One+year&contract=Two+year&variant=B",
                Box::new(|_, codes| {
                    code("contract", codes) != 0.0 && code("variant", codes) == 1.0
                }),
            ),
            (
                "tenure_min=3&tenure_max=9",
                Box::new(|_, codes| (3.0..=9.0).contains(&code("tenure_months", codes))),
            ),
            (
                "monthly_charges_min=29.85&monthly_charges_below=70",
                Box::new(|_, codes| (29.85..70.0).contains(&code("monthly_charges", codes))),
            ),
            (
                "senior_citizen=true",
                Box::new(|_, codes| code("senior_citizen", codes) == 1.0),
            ),
            (
                "persona=strained&persona=protected",
                Box::new(|_, codes| matches!(schema.persona_of(codes), Some(0 | 2))),
            ),
            (
                "stage=growth",
                Box::new(|_, codes| schema.stage_of(codes) == Some(2)),
            ),
            (
                "risk_level=low&risk_level=high",
                Box::new(|customer, _| level(customer) != "medium"),
            ),
            (
                "missing=total_charges&missing=variant",
                Box::new(|_, codes| {
                    code("total_charges", codes).is_nan() || code("variant", codes).is_nan()
                }),
            ),
        ];
        let both = cases
            .iter()
            .map(|(text, _)| *text)
            .take(4)
            .collect::<Vec<_>>()
            .join("&");
        let all = |holds: &dyn Fn(usize, &[f64]) -> bool| -> Vec<usize> {
            let customers = 0..view.customers.len();
            customers
                .filter(|customer| holds(*customer, view.profile(*customer).codes()))
                .collect()
        };
        for (text, holds) in &cases {
            let found = select(view, &format!("{text}&{EVERYBODY}"));
            assert!(!found.is_empty(), "{text}");
            assert_eq!(found, all(holds), "{text}");
        }
        let first = |customer: usize, codes: &[f64]| {
            cases[..4].iter().all(|(_, holds)| holds(customer, codes))
        };
        assert_eq!(select(view, &format!("{both}&{EVERYBODY}")), all(&first));
    }

    #[test]
    fn codes_are_kept_that_are_allowed_side_by_side_or_all_others_or_neither() {
        let column: Vec<u8> = (0..=u8::MAX).collect();
        let all_but = |codes: &[u8]| {
            column
                .iter()
                .copied()
                .filter(|code| !codes.contains(code))
                .collect()
        };
        let others: [Vec<u8>; 4] = [
            all_but(&[]),
            all_but(&[1]),
            all_but(&[7, 8, 9]),
            all_but(&[0, 9]),
        ];
        let sets: [&[u8]; 11] = [
            &others[0],
            &others[1],
            &others[2],
            &others[3],
            &[],
            &[0],
            &[255],
            &[3, 4, 5],
            &[0, 2],
            &[0, 1, 255],
            &[254, 255],
        ];
        for set in sets {
            let mut allowed = [false; 256];
            set.iter()
                .for_each(|code| allowed[usize::from(*code)] = true);
            let mut mask = vec![true; column.len()];
            keep_codes(&mut mask, &column, &allowed);
            assert_eq!(mask, allowed, "{set:?}");
            mask.fill(false);
            keep_codes(&mut mask, &column, &allowed);
            assert_eq!(count(&mask, |kept| kept), 0);
        }
    }

    #[test]
    fn neighbouring_ranges_of_money_share_no_customer() {
        let live = live();
        let view = live.view();
        let charges = view.schema.find("monthly_charges").unwrap().index();
        let below = select(view, &format!("monthly_charges_below=70&{EVERYBODY}"));
        let above = select(view, &format!("monthly_charges_min=70&{EVERYBODY}"));
        assert!(
            above
                .iter()
                .any(|customer| view.customers.code(*customer, charges) == 70.0)
        );
        assert_eq!(below.len() + above.len(), view.customers.len());
    }

    #[test]
    fn an_unknown_number_lies_in_no_range() {
        let live = live();
        let view = live.view();
        let missing = select(view, &format!("missing=total_charges&{EVERYBODY}"));
        assert!(!missing.is_empty());
        for range in ["total_charges_min=0", "total_charges_below=1000000"] {
            let known = select(view, &format!("{range}&{EVERYBODY}"));
            assert_eq!(known.len() + missing.len(), view.customers.len(), "{range}");
        }
    }

    #[test]
    fn risk_levels_side_by_side_are_one_range() {
        let live = live();
        let schema = &live.view().schema;
        let bounds = |levels: &[usize]| -> Vec<(f64, f64)> {
            let ranges = probabilities_of(schema, CodeSet::of(levels.iter().copied()));
            ranges
                .iter()
                .map(|range| (range.from, range.below))
                .collect()
        };
        assert_eq!(bounds(&[0, 1]), [(0.0, 0.75)]);
        assert_eq!(bounds(&[0, 2]), [(0.0, 0.5), (0.75, f64::INFINITY)]);
        assert_eq!(bounds(&[]), []);
    }

    #[test]
    fn faults_of_filters_are_told() {
        let live = live();
        let text = "status=gone&persona=nobody&tenure_min=9&tenure_max=3&monthly_charges_below=nan&total_charges_min=-1\
            &missing=gender&senior_citizen=yes";
        let mut query = Query::parse(text).unwrap();
        Selection::from_query(live.view(), &mut query);
        let errors = query.finish().unwrap_err();
        let mut pointers: Vec<&str> = errors
            .listed()
            .iter()
            .map(|error| error.pointer.as_str())
            .collect();
        pointers.sort_unstable();
        assert_eq!(
            pointers,
            [
                "/missing",
                "/monthly_charges_below",
                "/persona",
                "/senior_citizen",
                "/status",
                "/tenure_min",
                "/total_charges_min"
            ]
        );
        let senior = errors
            .listed()
            .iter()
            .find(|error| error.pointer == "/senior_citizen");
        assert_eq!(
            senior.unwrap().detail,
            "must be one of \"false\", \"true\"; got \"yes\""
        );
    }
}
