//! What became of a campaign's customers, counted by hand.

use super::outcomes::find;
use super::tests::with_nudges;
use super::*;
use crate::shipped::view;
use experiment::Decision;
use reader::{Confirmed, Members};

fn readout(text: &str, file: &str) -> CampaignReadout<'static> {
    let query = Query::parse(text).unwrap();
    let request = query
        .read(|query| OutcomesRequest::from_query(view(), query))
        .unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    let read = Members::outcomes(&view().schema, file.as_bytes(), &Confirmed::default());
    request
        .readout(view(), Outcomes::from(read.unwrap()))
        .unwrap()
}

/// The ids of active customers in an arm.
fn ids(campaign: &str, arm: CampaignArm) -> Vec<&'static str> {
    let assigner = Assigner::new(campaign, 0.3);
    let active = Selection::default().positions(view()).into_iter();
    active
        .map(|customer| view().customers.id(customer))
        .filter(|id| assigner.arm(id) == arm)
        .collect()
}

/// A file in which this many of the first customers of each arm left.
fn outcomes(
    campaign: &str,
    [held_out, of_held_out]: [usize; 2],
    [treated, of_treated]: [usize; 2],
) -> String {
    let mut file = "customer_id,left,contacted\n".to_owned();
    for (arm, left, of) in [
        (CampaignArm::HoldOut, held_out, of_held_out),
        (CampaignArm::Treat, treated, of_treated),
    ] {
        for (index, id) in ids(campaign, arm).into_iter().take(of).enumerate() {
            let left = if index < left { "yes" } else { "no" };
            let contacted = if arm == CampaignArm::Treat && index % 2 == 0 {
                "yes"
            } else {
                ""
            };
            writeln!(file, "{id},{left},{contacted}").unwrap();
        }
    }
    file
}

#[test]
fn arms_are_compared_as_they_were_assigned() {
    let readout = readout(
        "campaign=spring&holdout=0.3&cost=2",
        &outcomes("spring", [90, 300], [140, 700]),
    );
    let counts = &readout.readout;
    assert_eq!(
        (counts.control.users, counts.control.conversions),
        (300, 90)
    );
    assert_eq!(
        (counts.treatment.users, counts.treatment.conversions),
        (700, 140)
    );
    let difference = counts.effect.absolute_difference;
    assert!((difference.estimate.unwrap() + 0.1).abs() < 1e-12);
    assert!(counts.sample_ratio_mismatch.healthy);
    assert_eq!(counts.decision, Decision::Ship);
    let adjusted = readout.cuped.as_ref().unwrap().effect.absolute_difference;
    let (estimate, Interval([low, high])) =
        (adjusted.estimate.unwrap(), adjusted.interval.unwrap());
    let kept = readout.impact.customers_kept.unwrap();
    assert!((kept.estimate + 700.0 * estimate).abs() < 1e-9);
    assert_eq!(
        kept.interval.unwrap(),
        Interval([-700.0 * high, -700.0 * low])
    );
    // Half of the treated were reached, and paid for.
    assert_eq!(readout.impact.cost, 700.0);
    let charges = view().schema.find("monthly_charges").unwrap().index();
    let treated: Vec<f64> = ids("spring", CampaignArm::Treat)
        .into_iter()
        .take(700)
        .map(|id| view().customers.code(find(view(), id).unwrap(), charges))
        .collect();
    let each = 12.0 * treated.iter().sum::<f64>() / 700.0;
    let revenue = readout.impact.revenue.unwrap();
    assert!((revenue.estimate - kept.estimate * each).abs() < 1e-6);
    let net = readout.impact.net.unwrap();
    assert!((net.estimate - (revenue.estimate - 700.0)).abs() < 1e-6);
    let contacted = readout.contacted.unwrap();
    assert_eq!(
        (contacted.contact_rate, contacted.held_out_contacted),
        (0.5, 0)
    );
    assert!((contacted.effect_on_contacted.unwrap() - 2.0 * estimate).abs() < 1e-12);
    let Interval(ends) = contacted.interval.unwrap();
    assert!((ends[0] - 2.0 * low).abs() < 1e-12 && (ends[1] - 2.0 * high).abs() < 1e-12);
}

#[test]
fn an_arm_that_comes_back_less_often_invalidates_the_comparison() {
    let readout = readout(
        "campaign=spring&holdout=0.3",
        &outcomes("spring", [40, 100], [40, 700]),
    );
    assert!(!readout.readout.sample_ratio_mismatch.healthy);
    assert_eq!(readout.readout.decision, Decision::Invalid);
    assert!(
        readout.sentence.starts_with("The arms can't be compared."),
        "{}",
        readout.sentence
    );
    assert!(!readout.sentence.contains("kept"), "{}", readout.sentence);
}

#[test]
fn effects_by_nudge_add_up_and_have_lines_that_compile() {
    let name = "so-called \"spring\" \\ 27";
    let file = outcomes(name, [200, 600], [250, 1_400]);
    let query = format!(
        "holdout=0.3&{}",
        form_urlencoded::Serializer::new(String::new())
            .append_pair(CAMPAIGN, name)
            .finish()
    );
    let readout = readout(&query, &file);
    let counts = &readout.readout;
    let by_nudge =
        |count: &dyn Fn(&NudgeEffect<'_>) -> u64| readout.nudges.iter().map(count).sum::<u64>();
    assert_eq!(by_nudge(&|one| one.control.users), counts.control.users);
    assert_eq!(
        by_nudge(&|one| one.treatment.conversions),
        counts.treatment.conversions
    );
    let nudge = readout
        .nudges
        .iter()
        .filter(|one| one.toml.is_some())
        .max_by_key(|one| one.treatment.users);
    let nudge = nudge.unwrap();
    let line = nudge.toml.as_ref().unwrap();
    let id = format!("id = \"{}\"\n", nudge.nudge.unwrap());
    let live = with_nudges(|text| text.replace(&id, &format!("{id}{line}\n")));
    let view = live.view();
    let entry = view
        .nudges
        .entries()
        .find(|entry| Some(entry.id()) == nudge.nudge)
        .unwrap();
    let effect = entry.campaign_effect().unwrap();
    let adjusted = nudge.adjusted_difference.unwrap();
    let Interval([low, high]) = adjusted.interval.unwrap();
    let [from, to] = effect.interval;
    for (written, measured) in [
        (effect.effect, adjusted.estimate.unwrap()),
        (from, low),
        (to, high),
    ] {
        assert!((written - measured).abs() < 1e-6);
    }
    assert_eq!(
        (effect.campaign, effect.customers),
        (name, nudge.control.users + nudge.treatment.users)
    );
    assert!(effect.log_odds.is_some());
}

#[test]
fn what_the_file_says_of_a_customer_goes_before_what_is_known_today() {
    let mut file = "customer_id,left,nudge,probability,cost\n".to_owned();
    for (arm, left) in [(CampaignArm::HoldOut, 20), (CampaignArm::Treat, 10)] {
        for (index, id) in ids("spring", arm).into_iter().take(60).enumerate() {
            let nudge = ["thank-you", "no-longer-there", ""][index % 3];
            writeln!(file, "{id},{},{nudge},0.5,1.5", index < left).unwrap();
        }
    }
    let readout = readout("campaign=spring&holdout=0.3", &file);
    assert_eq!(readout.impact.cost, 60.0 * 1.5);
    // A covariate that never varies adjusts nothing.
    assert_eq!(readout.cuped.unwrap().theta, 0.0);
    let users = |nudge: Option<&str>| {
        let found = readout.nudges.iter().filter(|one| one.nudge == nudge);
        found
            .map(|one| one.control.users + one.treatment.users)
            .sum::<u64>()
    };
    assert!(users(Some("thank-you")) >= 40);
    // Those of which the catalogue knows nothing are together, and have no line.
    assert_eq!(users(None), 40);
    let gone = readout.nudges.last().unwrap();
    assert_eq!((gone.nudge, gone.title, &gone.toml), (None, None, &None));
}

#[test]
fn ids_that_a_file_defused_are_found() {
    assert_eq!(find(view(), "nobody"), None);
    let id = view().customers.id(0);
    assert_eq!(find(view(), id), Some(0));
    // No spreadsheet would run it, so that the apostrophe is the id's own.
    assert_eq!(find(view(), &format!("'{id}")), None);
}
