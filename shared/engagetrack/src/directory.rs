//! The directory of customers: filtered, searched, sorted, paged.

use crate::csv_cell::defused;
use crate::customer::{Contract, CustomerId, Status, Variant, vocabulary};
use crate::lifecycle::{self, Persona, Stage};
use crate::model::RiskLevel;
use crate::population::{self, Customer};
use crate::query::Query;
use crate::selection::Selection;
use serde::Serialize;
use std::borrow::Cow;
use std::cmp::Ordering;
use utoipa::{IntoParams, ToSchema};

/// Most entries on one page.
pub const LONGEST_PAGE: usize = 500;
const USUAL_PAGE: usize = 50;

/// One customer in the directory.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Entry {
    /// The id.
    #[schema(value_type = String, example = "1234-ABCDE")]
    pub customer_id: CustomerId,
    /// Calibrated churn probability, 0 to 1.
    pub probability: f64,
    /// The risk level of that probability.
    pub risk_level: RiskLevel,
    /// Share of the population with a lower probability, times 100.
    pub percentile: f64,
    /// The persona.
    pub persona: Persona,
    /// The lifecycle stage.
    pub stage: Stage,
    /// Whether the customer is at risk.
    pub at_risk: bool,
    /// The arm of the experiment.
    #[schema(required)]
    pub variant: Option<Variant>,
    /// The contract.
    pub contract: Contract,
    /// Months as a customer.
    pub tenure_months: u16,
    /// Dollars a month.
    pub monthly_charges: f64,
    /// Whether the customer left, in the simulated history.
    pub churned: bool,
    /// `left` for customers who left, otherwise `active`.
    pub status: Status,
}

impl From<Customer> for Entry {
    fn from(customer: Customer) -> Self {
        let profile = customer.profile();
        let probability = customer.probability();
        Self {
            customer_id: customer.id(),
            probability,
            risk_level: customer.risk_level(),
            percentile: population::percentile(probability),
            persona: Persona::of(&profile),
            stage: Stage::of(&profile),
            at_risk: lifecycle::at_risk(&profile, probability),
            variant: profile.variant,
            contract: profile.contract,
            tenure_months: profile.tenure_months,
            monthly_charges: profile.monthly_charges,
            churned: customer.churned(),
            status: customer.status(),
        }
    }
}

/// A page of the directory.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Page {
    /// The customers on this page.
    pub items: Vec<Entry>,
    /// How many customers there are on all pages.
    pub total: usize,
    /// Where the next page begins; none on the last.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

vocabulary! {
    /// The order of the directory; a dash in front makes it descending.
    Sort { /// Least likely to leave first.
        Probability = "probability", /// Likeliest to leave first.
        ProbabilityDescending = "-probability", /// Newest customers first.
        TenureMonths = "tenure_months", /// Oldest customers first.
        TenureMonthsDescending = "-tenure_months", /// Lowest monthly charges first.
        MonthlyCharges = "monthly_charges", /// Highest monthly charges first.
        MonthlyChargesDescending = "-monthly_charges", /// By id.
        CustomerId = "customer_id", /// By id, descending.
        CustomerIdDescending = "-customer_id", /// Those who stayed first.
        Churned = "churned", /// Those who left first.
        ChurnedDescending = "-churned" }
}

/// How the directory is searched, sorted and paged, as parameters of a query.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub struct Paging {
    /// The beginning of an id.
    #[param(required = false)]
    q: String,
    /// The order; `-probability` when absent.
    #[param(required = false, inline)]
    sort: Sort,
    /// Most customers on the page; 50 when absent.
    #[param(required = false, minimum = 1, maximum = 500)]
    limit: usize,
    /// `next_cursor` of the page before.
    #[param(required = false, pattern = "^[0-9]+$")]
    cursor: String,
}

/// A request for a part of the directory.
#[derive(Clone, Debug)]
pub struct Request {
    selection: Selection,
    prefix: String,
    sort: &'static str,
    limit: Option<usize>,
    offset: usize,
}

impl Request {
    /// Reads filters, `q`, `sort`, `limit` and `cursor` from a query. What is wrong with them, the query notes.
    /// Without `status`, only active customers are listed; without `sort`, those likeliest to leave come first.
    pub fn from_query(query: &mut Query) -> Self {
        Self {
            selection: Selection::from_query(query),
            prefix: query
                .text("q")
                .unwrap_or_default()
                .trim()
                .to_ascii_uppercase(),
            sort: query
                .choice("sort", Sort::NAMES)
                .map_or("-probability", |position| Sort::NAMES[position]),
            limit: query.number("limit", 1..=LONGEST_PAGE),
            offset: query.number("cursor", 0..=usize::MAX).unwrap_or(0),
        }
    }

    /// All customers that are meant, in order.
    pub fn customers(&self) -> Vec<Customer> {
        let meant = |customer: &Customer| {
            customer.id().as_str().starts_with(&self.prefix) && self.selection.contains(*customer)
        };
        let mut customers: Vec<Customer> = population::all().filter(meant).collect();
        let (key, descending) = match self.sort.strip_prefix('-') {
            Some(key) => (key, true),
            None => (self.sort, false),
        };
        let order = |a: &Customer, b: &Customer| -> Ordering {
            let order = match key {
                "probability" => a.probability().total_cmp(&b.probability()),
                "tenure_months" => a.profile().tenure_months.cmp(&b.profile().tenure_months),
                "monthly_charges" => a
                    .profile()
                    .monthly_charges
                    .total_cmp(&b.profile().monthly_charges),
                "churned" => a.churned().cmp(&b.churned()),
                _ => a.id().cmp(&b.id()),
            };
            let order = if descending { order.reverse() } else { order };
            order.then_with(|| a.id().cmp(&b.id()))
        };
        customers.sort_by(order);
        customers
    }

    /// The customers that are meant as a CSV file (RFC 4180), and how many there are: all of them, unless there is a limit.
    pub fn csv(&self) -> (Vec<u8>, usize) {
        let customers = self.customers();
        let rest = customers.get(self.offset..).unwrap_or_default();
        let meant = &rest[..self.limit.unwrap_or(rest.len()).min(rest.len())];
        let mut writer = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .has_headers(false)
            .from_writer(Vec::with_capacity(128 * (meant.len() + 1)));
        let mut write = |cells: &[&str]| {
            let defused = cells.iter().map(|cell| defused(cell));
            writer
                .write_record(defused.map(Cow::into_owned))
                .expect("memory takes every row, and all have as many cells");
        };
        write(&COLUMNS);
        for &customer in meant {
            let entry = Entry::from(customer);
            write(&[
                entry.customer_id.as_str(),
                &entry.probability.to_string(),
                entry.risk_level.name(),
                &entry.percentile.to_string(),
                entry.persona.name(),
                entry.stage.name(),
                &entry.at_risk.to_string(),
                entry.variant.map_or("", Variant::name),
                entry.contract.name(),
                &entry.tenure_months.to_string(),
                &entry.monthly_charges.to_string(),
                &entry.churned.to_string(),
                entry.status.name(),
            ]);
        }
        (
            writer.into_inner().expect("memory can be flushed"),
            meant.len(),
        )
    }

    /// The page that is meant.
    pub fn page(&self) -> Page {
        let customers = self.customers();
        let total = customers.len();
        let end = self
            .offset
            .saturating_add(self.limit.unwrap_or(USUAL_PAGE))
            .min(total);
        let on_page = customers.get(self.offset..end).unwrap_or_default();
        Page {
            items: on_page.iter().copied().map(Entry::from).collect(),
            total,
            next_cursor: (end < total && self.offset < total).then(|| end.to_string()),
        }
    }
}

/// The columns of the file: the fields of an [`Entry`].
const COLUMNS: [&str; 13] = [
    "customer_id",
    "probability",
    "risk_level",
    "percentile",
    "persona",
    "stage",
    "at_risk",
    "variant",
    "contract",
    "tenure_months",
    "monthly_charges",
    "churned",
    "status",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn request(query: &str) -> Request {
        let mut query = Query::parse(query).unwrap();
        let request = Request::from_query(&mut query);
        query.finish().unwrap();
        request
    }

    #[test]
    fn pages_join_to_the_whole_directory() {
        let mut ids = Vec::new();
        let mut cursor = Some("0".to_owned());
        while let Some(from) = cursor {
            let page = request(&format!(
                "status=active&status=left&sort=tenure_months&limit=500&cursor={from}"
            ))
            .page();
            assert_eq!(page.total, population::len());
            ids.extend(
                page.items
                    .iter()
                    .map(|entry| (entry.tenure_months, entry.customer_id)),
            );
            cursor = page.next_cursor;
        }
        assert_eq!(ids.len(), population::len());
        assert!(ids.is_sorted());
    }

    #[test]
    fn a_search_finds_ids_by_their_beginning_in_any_case() {
        let mut active = population::all().filter(|customer| !customer.churned());
        let wanted = active.nth(99).unwrap().id();
        let page = request(&format!("q={}", wanted.as_str()[..7].to_lowercase())).page();
        assert!(page.items.iter().any(|entry| entry.customer_id == wanted));
        assert!(page.items.iter().all(|entry| {
            entry
                .customer_id
                .as_str()
                .starts_with(&wanted.as_str()[..7])
        }));
    }

    #[test]
    fn the_file_holds_what_the_pages_hold() {
        let request = request("contract=Two+year&sort=monthly_charges");
        let (file, count) = request.csv();
        let mut reader = csv::Reader::from_reader(file.as_slice());
        let entry = serde_json::to_value(Entry::from(request.customers()[0])).unwrap();
        let fields: Vec<&str> = entry
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let mut columns = COLUMNS;
        columns.sort();
        assert_eq!(fields, columns);
        assert_eq!(reader.headers().unwrap(), COLUMNS.as_slice());
        let ids: Vec<String> = reader
            .records()
            .map(|record| record.unwrap()[0].to_owned())
            .collect();
        let expected: Vec<String> = request
            .customers()
            .iter()
            .map(|customer| customer.id().to_string())
            .collect();
        assert_eq!((ids, count), (expected.clone(), expected.len()));
        assert!(file.ends_with(b"\r\n"));
    }

    #[test]
    fn beyond_the_end_there_is_nothing() {
        let page = request("cursor=18446744073709551615").page();
        assert_eq!(
            (page.items.len(), page.total, page.next_cursor),
            (0, request("").customers().len(), None)
        );
    }

    #[test]
    fn customers_who_left_are_listed_only_where_they_are_asked_for() {
        let statuses = |query: &str| -> Vec<Status> {
            let page = request(query).page();
            page.items.iter().map(|entry| entry.status).collect()
        };
        assert!(!statuses("").contains(&Status::Left));
        assert!(!statuses("status=left").contains(&Status::Active));
        let both = statuses("status=left&status=active&limit=500");
        assert!(both.contains(&Status::Left) && both.contains(&Status::Active));
        let left = population::all()
            .find(|customer| customer.churned())
            .unwrap();
        let id = left.id();
        assert_eq!(request(&format!("q={id}")).page().total, 0);
        assert_eq!(request(&format!("q={id}&status=left")).page().total, 1);
        let (file, _) = request("").csv();
        assert!(!String::from_utf8(file).unwrap().contains(id.as_str()));
    }

    #[test]
    fn a_percentile_is_a_rank_among_everybody() {
        let entry = request("sort=-probability&limit=1").page().items.remove(0);
        let below = population::all().filter(|other| other.probability() < entry.probability);
        let everybody = population::len() as f64;
        assert_eq!(entry.percentile, 100.0 * below.count() as f64 / everybody);
    }

    #[test]
    fn those_likeliest_to_leave_come_first() {
        let page = request("").page();
        assert_eq!(page.items.len(), 50);
        assert!(
            page.items
                .is_sorted_by(|a, b| a.probability >= b.probability)
        );
    }
}
