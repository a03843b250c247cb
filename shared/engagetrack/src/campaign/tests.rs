//! Campaigns of the shipped workspace, and of copies of it with other nudges.

use super::*;
use crate::Live;
use crate::measured::{Finding, Measured};
use crate::nudges;
use crate::shipped::view;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;
use workspace::compile::{Sources, compile};

fn request_in(view: &View<'_>, text: &str) -> CampaignRequest {
    let query = Query::parse(text).unwrap();
    query
        .read(|query| CampaignRequest::from_query(view, query))
        .unwrap_or_else(|errors| panic!("{text}: {errors:?}"))
}

fn list(text: &str) -> Campaign<'static> {
    request_in(view(), text).list(view(), &[]).unwrap()
}

/// Pointers and details of what is wrong with a query.
fn faults(view: &View<'_>, text: &str) -> Vec<(String, String)> {
    let query = Query::parse(text).unwrap();
    let errors = query.read(|query| CampaignRequest::from_query(view, query));
    let errors = errors.unwrap_err();
    let listed = errors.listed().iter();
    listed
        .map(|error| (error.pointer.clone(), error.detail.clone()))
        .collect()
}

/// The shipped sources, with other nudges.
pub(super) fn with_nudges(edit: impl Fn(&str) -> String) -> Live {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Sources::PATHS.map(|path| std::fs::read_to_string(root.join(path)).unwrap());
    files[2] = edit(&files[2]);
    let compiled = compile(&Sources::of(&files.map(String::into_bytes)));
    let compiled = compiled.unwrap_or_else(|faults| panic!("{faults:?}"));
    Live::checked(compiled.into_parts()).unwrap()
}

/// Two nudges have a cost, and one an effect that a campaign measured.
static PRICED: LazyLock<Live> = LazyLock::new(|| {
    with_nudges(|text| {
        text.replace("id = \"smart-assistant\"\n", "id = \"smart-assistant\"\ncost = 7.5\n")
            .replace(
                "id = \"annual-contract\"\n",
                "id = \"annual-contract\"\ncost = 20\nmeasured = { effect = -0.05, interval = [-0.08, -0.02], customers = 900, campaign = \"spring \\\"27\\\"\", log_odds = -0.4 }\n",
            )
    })
});

#[test]
fn rows_are_the_best_nudges_at_their_expected_value() {
    let campaign = list("campaign=spring&cost=3&months=6");
    let measured = Prospects::of(view());
    let success = Success::measured(view()).unwrap();
    let mut kinds = BTreeSet::new();
    for row in campaign.rows(0..campaign.listed.len()).step_by(37) {
        let customer = view().customers.find(row.customer_id).unwrap();
        let advice = nudges::Request::default().advice(view(), &view().profile(customer));
        let best = &advice.nudges[0];
        assert_eq!((row.nudge, row.title), (best.id, best.title));
        assert_eq!((&row.message, &row.reasons), (&best.message, &best.reasons));
        assert_eq!(row.probability, advice.probability);
        let effect = match &best.measured {
            Some(_) => {
                measured
                    .shift(measured.head(customer).entry)
                    .unwrap()
                    .reduction(row.probability)
                    .0
            }
            None => best.risk_reduction * success.rate,
        };
        let kind = match &best.measured {
            Some(_) => EffectKind::Measured,
            None => EffectKind::Projected,
        };
        kinds.insert(row.effect_kind.name());
        assert_eq!((row.effect, row.effect_kind), (effect, kind));
        let amount = row.recurring.value().unwrap();
        assert_eq!(row.expected_value, Some(effect * (amount * 6.0) - 3.0));
        assert_eq!(row.cost, 3.0);
    }
    assert_eq!(kinds.len(), 2);
    let values: Vec<f64> = campaign
        .rows(0..usize::MAX)
        .map(|row| row.expected_value.unwrap())
        .collect();
    assert!(values.is_sorted_by(|a, b| a >= b));
    assert_eq!(values.len(), 5_188);
}

#[test]
fn success_is_the_experiments_effect_over_the_mean_probability() {
    let success = Success::measured(view()).unwrap();
    let mean = view().customers.probabilities().iter().sum::<f64>() / view().customers.len() as f64;
    // numpy on the population, as for the shipped effect: 0.033973 with a standard error of 0.008959.
    assert!((success.rate - 0.033973 / mean).abs() < 1e-4, "{success:?}");
    let Interval([low, high]) = success.interval.unwrap();
    assert!(
        ((high - low) / 2.0 - 1.96 * 0.008959 / mean).abs() < 1e-4,
        "{success:?}"
    );
    assert_eq!(success.experiment, Some("variant"));
}

#[test]
fn totals_add_up_those_who_are_treated() {
    let campaign = list("campaign=spring&contacts=400&cost=2");
    let rows: Vec<CampaignRow<'_>> = campaign.rows(0..usize::MAX).collect();
    let treated: Vec<&CampaignRow<'_>> = rows
        .iter()
        .filter(|row| row.arm == CampaignArm::Treat)
        .collect();
    let totals = campaign.totals();
    assert_eq!((totals.treat, totals.hold_out), (400, rows.len() - 400));
    assert_eq!(totals.cost, 800.0);
    let sum =
        |value: &dyn Fn(&CampaignRow<'_>) -> f64| treated.iter().map(|row| value(row)).sum::<f64>();
    assert!((totals.customers_kept.estimate - sum(&|row| row.effect)).abs() < 1e-9);
    let value = sum(&|row| row.expected_value.unwrap());
    assert!((totals.expected_value.estimate - value).abs() < 1e-6);
    assert_eq!(
        totals.worthwhile,
        treated
            .iter()
            .filter(|row| row.expected_value > Some(0.0))
            .count()
    );
    // All rests on one experiment, so that the interval is in proportion to its own.
    let effect = Measured::of_arm(view(), 0, 1).unwrap();
    let Interval([low, high]) = effect.interval;
    let Interval([from, to]) = totals.customers_kept.interval.unwrap();
    let (share, found) = (
        (high - low) / 2.0 / -effect.effect,
        (to - from) / 2.0 / totals.customers_kept.estimate,
    );
    assert!((found / share - 1.0).abs() < 0.1, "{found} {share}");
    // What the request gives has no interval.
    let given = list("campaign=spring&success=0.2&variant=A").totals();
    assert_eq!(given.expected_value.interval, None);
}

#[test]
fn a_budget_is_spent_and_not_exceeded() {
    let campaign = list("campaign=spring&budget=100&cost=9");
    assert_eq!(campaign.totals().treat, 11);
    assert_eq!(campaign.listed.last().unwrap().1, CampaignArm::Treat);
    // Ten times 0.1 is a little less than 1 in floating point, and three times 0.1 a little more than 0.3.
    assert_eq!(
        list("campaign=spring&budget=0.3&cost=0.1").totals().treat,
        3
    );
    assert_eq!(list("campaign=spring&budget=1&cost=0.1").totals().treat, 10);
    assert_eq!(list("campaign=spring&budget=0&cost=1").totals().treat, 0);
    assert_eq!(
        list("campaign=spring&budget=1e9&cost=1").listed.len(),
        5_188
    );
}

#[test]
fn costs_and_effects_of_the_catalogue_count() {
    let view = PRICED.view();
    let request = request_in(view, "campaign=summer");
    let campaign = request.list(view, &[]).unwrap();
    let rows: Vec<CampaignRow<'_>> = campaign.rows(0..usize::MAX).collect();
    let of = |nudge: &str| {
        rows.iter()
            .filter(move |row| row.nudge == nudge)
            .collect::<Vec<_>>()
    };
    let (assistant, contract) = (of("smart-assistant"), of("annual-contract"));
    assert!(!assistant.is_empty() && !contract.is_empty());
    assert!(
        assistant
            .iter()
            .all(|row| row.cost == 7.5 && row.effect_kind == EffectKind::Measured)
    );
    assert!(
        contract
            .iter()
            .all(|row| row.cost == 20.0 && row.effect_kind == EffectKind::Measured)
    );
    for row in &contract {
        let odds = row.probability / (1.0 - row.probability) * (-0.4_f64).exp();
        assert!((row.effect - (row.probability - odds / (1.0 + odds))).abs() < 1e-12);
    }
    assert!(of("thank-you").iter().all(|row| row.cost == 0.0));
    // Effects that rest on different measurements err apart.
    let kept = campaign.totals().customers_kept;
    let Interval([low, high]) = kept.interval.unwrap();
    assert!(low < kept.estimate && kept.estimate < high);

    let customer = view.customers.find(contract[0].customer_id).unwrap();
    let advice = nudges::Request::default().advice(view, &view.profile(customer));
    let measured = advice.nudges[0].measured.as_ref().unwrap();
    assert_eq!(
        (measured.campaign, measured.experiment),
        (Some("spring \"27\""), None)
    );
    assert_eq!((measured.customers, measured.control), (900, "nothing"));
    assert_eq!(measured.finding(), Finding::Helps);
    assert_eq!(advice.nudges[0].cost, Some(20.0));
    let budget = request_in(view, "campaign=summer&budget=100");
    assert!(budget.list(view, &[]).unwrap().totals().cost <= 100.0);
}

#[test]
fn a_measured_effect_of_the_catalogue_goes_before_that_of_the_experiment() {
    let line = "measured = { effect = 0.05, interval = [0.02, 0.08], customers = 900, campaign = \"winter\" }";
    let live = with_nudges(|text| {
        text.replace(
            "id = \"smart-assistant\"\n",
            &format!("id = \"smart-assistant\"\n{line}\n"),
        )
    });
    let view = live.view();
    let treated = (0..view.customers.len()).map(|customer| view.profile(customer));
    let arm = view.schema.find("variant").unwrap().index();
    let treated = treated.filter(|profile| profile.code(arm) == 1.0);
    for profile in treated.step_by(97) {
        let nudges = nudges::Request::default().advice(view, &profile).nudges;
        // What was measured to do harm comes last.
        let last = nudges.last().unwrap();
        assert_eq!(last.id, "smart-assistant");
        assert_eq!(last.measured.as_ref().unwrap().campaign, Some("winter"));
    }
    // Without a shift, that of the active customers.
    let entry = view
        .nudges
        .entries()
        .find(|entry| entry.id() == "smart-assistant")
        .unwrap();
    let shift = Prospects::of(view).shift(entry.index()).unwrap();
    let selection = Selection::default();
    let active: Vec<f64> = selection
        .positions(view)
        .iter()
        .map(|one| view.customers.probability(*one))
        .collect();
    let mean = active
        .iter()
        .map(|one| shift.reduction(*one).0)
        .sum::<f64>()
        / active.len() as f64;
    assert!((mean + 0.05).abs() < 1e-12, "{mean}");
}

#[test]
fn wrong_questions_are_refused_with_every_reason() {
    let pointers = |text: &str| -> Vec<String> {
        faults(view(), text)
            .into_iter()
            .map(|(pointer, _)| pointer)
            .collect()
    };
    assert_eq!(
        faults(view(), ""),
        [(
            "/campaign".to_owned(),
            "is required: it decides which customers are held out".to_owned()
        )]
    );
    assert_eq!(
        pointers(
            "campaign=+&holdout=0.95&contacts=0&cost=-1&months=0&success=2&limit=501&cursor=x&persona=nobody&colour=red"
        ),
        [
            "/persona",
            "/campaign",
            "/holdout",
            "/contacts",
            "/cost",
            "/months",
            "/success",
            "/limit",
            "/cursor",
            "/colour"
        ]
    );
    assert_eq!(pointers("campaign=a%00b"), ["/campaign"]);
    assert_eq!(pointers("campaign=a&campaign=b"), ["/campaign"]);
    assert_eq!(
        pointers("campaign=a&contacts=5&budget=5&cost=1"),
        ["/budget"]
    );
    for free in ["campaign=a&budget=5", "campaign=a&budget=5&cost=0"] {
        assert_eq!(pointers(free), ["/cost"], "{free}");
    }
    for number in ["nan", "inf", "1e400", "-0.1"] {
        assert_eq!(
            pointers(&format!("campaign=a&holdout={number}")),
            ["/holdout"],
            "{number}"
        );
    }
}

#[test]
fn pages_are_pieces_of_the_file() {
    let text = "campaign=spring&contacts=150&contract=Month-to-month";
    let (file, count) = list(text).csv();
    let mut reader = csv::Reader::from_reader(&*file);
    let header = reader.headers().unwrap().clone();
    assert_eq!(
        header.iter().collect::<Vec<_>>(),
        [
            "customer_id",
            "arm",
            "probability",
            "monthly_charges",
            "nudge",
            "category",
            "title",
            "message",
            "reasons",
            "effect",
            "effect_kind",
            "expected_value",
            "cost"
        ]
    );
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), count);
    let mut cursor = String::new();
    let mut paged = Vec::new();
    loop {
        let campaign = list(&format!("{text}&limit=40{cursor}"));
        let page = campaign.page();
        assert_eq!(page.total, count);
        paged.extend(page.items);
        match page.next_cursor {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(paged.len(), count);
    for (record, row) in records.iter().zip(&paged) {
        let number = |column: usize| record[column].parse::<f64>().unwrap();
        assert_eq!((&record[0], &record[1]), (row.customer_id, row.arm.name()));
        assert_eq!(
            (number(2), Some(number(3))),
            (row.probability, *row.recurring.value())
        );
        assert_eq!(
            (&record[4], &record[7], &record[8]),
            (row.nudge, &*row.message, &*row.reasons.join(" "))
        );
        assert_eq!(
            (number(9), &record[10]),
            (row.effect, row.effect_kind.name())
        );
        assert_eq!(
            (Some(number(11)), number(12)),
            (row.expected_value, row.cost)
        );
    }
}

#[test]
fn excluded_customers_are_left_out_and_counted() {
    let request = request_in(view(), "campaign=spring&contacts=100");
    let whole = request.list(view(), &[]).unwrap();
    let first: Vec<usize> = whole
        .listed()
        .iter()
        .map(|(customer, _)| *customer)
        .take(30)
        .collect();
    let gone = Selection::default()
        .mask(view())
        .iter()
        .position(|active| !active)
        .unwrap();
    // One is sent twice, and one is no active customer.
    let excluded: Vec<usize> = first.iter().copied().chain([first[0], gone]).collect();
    let rest = request.list(view(), &excluded).unwrap();
    assert_eq!(
        rest.left_out,
        LeftOut {
            not_contactable: 0,
            excluded: 30
        }
    );
    assert_eq!(rest.totals().treat, 100);
    assert!(
        rest.listed()
            .iter()
            .all(|(customer, _)| !first.contains(customer))
    );
    let of_both = whole.listed().iter().skip(30).map(|(customer, _)| customer);
    assert!(
        rest.listed()
            .iter()
            .map(|(customer, _)| customer)
            .zip(of_both)
            .all(|(one, other)| one == other)
    );
}

#[test]
fn customers_who_may_not_be_contacted_are_left_out() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/saas");
    let files = Sources::PATHS.map(|path| std::fs::read(root.join(path)).unwrap());
    let compiled = compile(&Sources::of(&files)).unwrap_or_else(|faults| panic!("{faults:?}"));
    let live = Live::checked(compiled.into_parts()).unwrap();
    let view = live.view();
    let field = view.schema.roles().contactable.unwrap();
    let campaign = request_in(view, "campaign=spring").list(view, &[]).unwrap();
    let may = |customer: usize| view.customers.code(customer, field) == 1.0;
    let active = Selection::default().positions(view);
    let not: usize = active.iter().filter(|customer| !may(**customer)).count();
    assert!(not > 0);
    assert_eq!(campaign.left_out.not_contactable, not);
    assert_eq!(campaign.listed().len() + not, active.len());
    assert!(campaign.listed().iter().all(|(customer, _)| may(*customer)));
}

/// The parts of a query that decide a campaign's list.
fn any_campaign() -> impl Strategy<Value = String> {
    let filter = prop::sample::select(vec![
        "",
        "&contract=One+year",
        "&tenure_max=12",
        "&risk_level=high",
        "&status=left",
        "&persona=strained&persona=essentials",
    ]);
    ("[a-z]{1,8}", 0.0..0.6_f64, filter, 0.0..20.0_f64).prop_map(|(name, holdout, filter, cost)| {
        format!("campaign={name}&holdout={holdout}&cost={cost}{filter}")
    })
}

proptest! {
    // A share of the usual number, which PROPTEST_CASES sets.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 8))]
    #[test]
    fn lists_are_the_shortest_prefix_of_one_ranking(text in any_campaign(), contacts in 1..400_usize) {
        let whole = list(&text);
        let some = list(&format!("{text}&contacts={contacts}"));
        prop_assert!(whole.listed().starts_with(some.listed()));
        let treated = |listed: &[(usize, CampaignArm)]| listed.iter().filter(|(_, arm)| *arm == CampaignArm::Treat).count();
        prop_assert_eq!(treated(some.listed()), contacts.min(treated(whole.listed())));
        match treated(whole.listed()) >= contacts {
            // One customer fewer would be one contact fewer.
            true => prop_assert_eq!(some.listed().last().unwrap().1, CampaignArm::Treat),
            false => prop_assert_eq!(some.listed(), whole.listed()),
        }
        // What contacts and money reach is the same list where they reach the same.
        let cost = some.totals().cost;
        if cost > 1e-6 {
            let paid = list(&format!("{text}&budget={cost}"));
            prop_assert_eq!(paid.listed(), some.listed());
        }
        // A larger share held out holds out the same customers, and others beside them.
        let arms = |holdout: f64| {
            let name = text.split('&').next().unwrap();
            list(&format!("{name}&holdout={holdout}")).listed().to_vec()
        };
        for ((one, few), (other, many)) in arms(0.1).into_iter().zip(arms(0.4)) {
            prop_assert_eq!(one, other);
            prop_assert!(few == CampaignArm::Treat || many == CampaignArm::HoldOut);
        }
    }
}
