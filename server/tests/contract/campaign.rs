//! Campaigns from the list to the measured effect.

use crate::home::{Answer, Home, encoded, everywhere, homes, send};
use crate::json::{assert_close, items, members, number, sorted, text, texts};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use workspace::compile::Sources;

/// Runs a test on every business whose customers pay something.
fn where_customers_pay(test: impl Fn(&Home)) {
    everywhere(|home| {
        if home.role("recurring").is_some() {
            test(home);
        }
    });
}

/// A file as its header and its rows, by their columns.
fn table(file: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(file.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

fn file(home: &Home, query: &str) -> Vec<BTreeMap<String, String>> {
    let answer = home.get_as("text/csv", &format!("/v1/nudges?{query}"));
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    table(&answer.text)
}

/// The arm of a customer, as the documentation says how to compute it.
fn arm(campaign: &str, id: &str, holdout: f64) -> &'static str {
    let hash = Sha256::digest(format!("{campaign}\0{id}"));
    let first = u64::from_be_bytes(hash[..8].try_into().unwrap());
    match (first as f64) / 2_f64.powi(64) < holdout {
        true => "hold-out",
        false => "treat",
    }
}

/// Posts a file and asks for an answer of a type.
fn post_for(home: &Home, accept: &str, path: &str, file: &str) -> Answer {
    let request = home.request("POST", path);
    let request = request
        .header("content-type", "text/csv")
        .header("accept", accept);
    send(request, file.as_bytes())
}

fn ids(page: &Value) -> Vec<&str> {
    let rows = items(&page["items"]).iter();
    rows.map(|row| text(&row["customer_id"])).collect()
}

#[test]
fn campaigns_are_listed_in_pages_and_as_a_file() {
    where_customers_pay(|home| {
        let query = "campaign=Fr%C3%BChling+2027&holdout=0.3&contacts=40&months=6&cost=2";
        let page = home.read(&format!("/v1/nudges?{query}&limit=25"));
        let expected = [
            "campaign",
            "holdout",
            "items",
            "left_out",
            "months",
            "next_cursor",
            "success",
            "total",
            "totals",
        ];
        assert_eq!(members(&page), expected);
        assert_eq!(page["campaign"], "Frühling 2027");
        let totals = &page["totals"];
        assert_eq!(totals["treat"], 40);
        assert_eq!(page["total"], 40 + totals["hold_out"].as_u64().unwrap());
        assert_eq!(totals["cost"], 80.0);
        let interval = &totals["expected_value"]["interval"];
        let estimate = number(&totals["expected_value"]["estimate"]);
        assert!(number(&interval[0]) <= estimate && estimate <= number(&interval[1]));

        let recurring = home.role("recurring").unwrap();
        let mut rows = items(&page["items"]).to_vec();
        let cursor = encoded(text(&page["next_cursor"]));
        let next = home.read(&format!("/v1/nudges?{query}&limit=500&cursor={cursor}"));
        assert_eq!(next["next_cursor"], Value::Null);
        assert_eq!(next["totals"], *totals);
        rows.extend_from_slice(items(&next["items"]));
        let listed = file(home, query);
        assert_eq!(rows.len(), listed.len());
        for (row, cells) in rows.iter().zip(&listed) {
            let expected = [
                "arm",
                "category",
                "cost",
                "customer_id",
                "effect",
                "effect_kind",
                "expected_value",
                "message",
                "nudge",
                "probability",
                "reasons",
                "title",
                recurring,
            ];
            assert_eq!(members(row), sorted(expected));
            let id = text(&row["customer_id"]);
            assert_eq!(cells[home.role("id").unwrap()], id);
            assert_eq!(row["arm"], arm("Frühling 2027", id, 0.3));
            for name in [
                "arm",
                "nudge",
                "category",
                "title",
                "message",
                "effect_kind",
            ] {
                assert_eq!(cells[name], text(&row[name]));
            }
            for name in ["probability", "effect", "expected_value", "cost", recurring] {
                assert_eq!(cells[name].parse::<f64>().unwrap(), number(&row[name]));
            }
            let worth = number(&row["effect"]) * number(&row[recurring]) * 6.0 - 2.0;
            assert_close(number(&row["expected_value"]), worth);
            // The nudge is the first of the customer's own.
            let advice = home.read(&format!("/v1/nudges/{}", encoded(id)));
            assert_eq!(advice["nudges"][0]["id"], row["nudge"]);
            assert_eq!(advice["nudges"][0]["message"], row["message"]);
            assert_eq!(
                advice["nudges"][0]["measured"].is_null(),
                row["effect_kind"] == "projected"
            );
            assert_eq!(advice["status"], "active");
        }
        let value = |row: &Value| number(&row["expected_value"]);
        assert!(rows.is_sorted_by(|a, b| value(a) >= value(b)));
        let values = rows.iter().filter(|row| row["arm"] == "treat").map(value);
        assert!((values.sum::<f64>() - estimate).abs() < 1e-6 * estimate.abs());
        assert_eq!(rows.last().unwrap()["arm"], "treat");
    });
}

#[test]
fn customers_who_opted_out_are_in_no_campaign() {
    everywhere(|home| {
        let Some(contactable) = home.role("contactable") else {
            return;
        };
        let page = home.read("/v1/nudges?campaign=a&limit=500");
        let left_out = page["left_out"]["not_contactable"].as_u64().unwrap();
        assert!(left_out > 0);
        assert_eq!(page["total"].as_u64().unwrap() + left_out, home.total(""));
        for id in &ids(&page)[..20] {
            assert_eq!(home.profile(id)[contactable], true);
        }
    });
}

#[test]
fn excluded_ids_leave_a_campaign() {
    where_customers_pay(|home| {
        let query = "campaign=second&contacts=30";
        let first = home.read(&format!("/v1/nudges?{query}"));
        let excluded = &ids(&first)[..10];
        let named = home.role("id").unwrap();
        let body = format!("{named}\n{}\nno such customer\n", excluded.join("\n"));
        let path = format!("/v1/nudges?{query}");
        let rest = home.post_csv(&path, &body).ok();
        assert_eq!(rest["left_out"]["excluded"], 10);
        assert_eq!(rest["unknown"], json!(["no such customer"]));
        assert_eq!(rest["totals"]["treat"], 30);
        assert!(ids(&rest).iter().all(|id| !excluded.contains(id)));
        assert!(ids(&rest).starts_with(&ids(&first)[10..]));
        // A list of ids alone needs no header, and the answer may be a file.
        let answer = post_for(home, "text/csv", &path, &excluded.join("\r\n"));
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(answer.header("x-read-as").contains("no header"));
        let listed = table(&answer.text);
        let listed: Vec<&str> = listed.iter().map(|row| &*row[named]).collect();
        assert_eq!(listed, ids(&rest));
    });
}

/// How far a treatment moves everybody's log-odds in the outcomes that tests invent.
const SHIFT: f64 = -1.2;

fn treated(probability: f64) -> f64 {
    let odds = probability / (1.0 - probability) * SHIFT.exp();
    odds / (1.0 + odds)
}

/// Where the sources of a business are, unless its home runs elsewhere.
fn sources(home: &Home) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    if std::env::var_os("BASE_URL").is_some() {
        return None;
    }
    let examples = root
        .join("examples")
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let name = format!("name = \"{}\"\n", text(&home.schema()["name"]));
    let is_it = |folder: &PathBuf| {
        let schema = std::fs::read_to_string(folder.join("data/schema.toml"));
        schema.is_ok_and(|schema| schema.contains(&name))
    };
    let found = [root].into_iter().chain(examples).find(is_it);
    Some(found.expect("the business is one of the repository"))
}

#[test]
fn a_campaign_is_measured_and_its_effect_ranks_the_nudge() {
    where_customers_pay(|home| {
        let query = "campaign=loop&holdout=0.4";
        let listed = file(home, query);
        let id_name = home.role("id").unwrap();

        // Outcomes with an effect that is known.
        let mut random = ChaCha8Rng::seed_from_u64(27);
        let mut file = csv::Writer::from_writer(Vec::new());
        let header: Vec<&str> =
            [id_name, "arm", "probability", "nudge", "left", "contacted"].into();
        file.write_record(&header).unwrap();
        let (mut effects, mut left) = (Vec::new(), BTreeMap::<&str, (f64, f64)>::new());
        for row in &listed {
            let probability: f64 = row["probability"].parse().unwrap();
            let is_treated = row["arm"] == "treat";
            let chance = match is_treated {
                true => treated(probability),
                false => probability,
            };
            if is_treated {
                effects.push(treated(probability) - probability);
            }
            let leaves = (random.next_u32() as f64) < chance * 2_f64.powi(32);
            let (users, gone) = left.entry(&row["arm"]).or_default();
            *users += 1.0;
            *gone += f64::from(u8::from(leaves));
            let contacted = is_treated && random.next_u32() % 4 > 0;
            file.write_record([
                row[id_name].as_str(),
                &row["arm"],
                &row["probability"],
                &row["nudge"],
                if leaves { "yes" } else { "no" },
                if contacted { "x" } else { "" },
            ])
            .unwrap();
        }
        file.write_record([&listed[0][id_name], "", "", "", "", ""])
            .unwrap();
        file.write_record(["no such customer", "", "", "", "no", ""])
            .unwrap();
        let outcomes = String::from_utf8(file.into_inner().unwrap()).unwrap();
        let truth = effects.iter().sum::<f64>() / effects.len() as f64;

        let answer = home
            .post_csv(&format!("/v1/analytics/campaign?{query}"), &outcomes)
            .ok();
        let rate = |arm: &str| left[arm].1 / left[arm].0;
        assert_close(
            number(&answer["absolute_difference"]["estimate"]),
            rate("treat") - rate("hold-out"),
        );
        let interval = &answer["cuped"]["absolute_difference"]["interval"];
        assert!(
            number(&interval[0]) < truth && truth < number(&interval[1]),
            "{truth}: {interval}"
        );
        assert_eq!(answer["decision"], "ship", "{}", answer["sentence"]);
        assert!(
            text(&answer["sentence"]).starts_with("Go on"),
            "{}",
            answer["sentence"]
        );
        assert_eq!(answer["sample_ratio_mismatch"]["healthy"], true);
        assert_eq!(answer["unknown"], json!(["no such customer"]));
        assert_eq!(answer["repeated"], json!([listed[0][id_name]]));
        for engine in [
            "frequentist",
            "bayesian",
            "sequential",
            "anytime",
            "pooled_z",
            "power",
        ] {
            assert!(answer[engine].is_object(), "{engine}");
        }
        let kept = &answer["impact"]["customers_kept"];
        let adjusted = number(&answer["cuped"]["absolute_difference"]["estimate"]);
        assert_close(number(&kept["estimate"]), -adjusted * left["treat"].0);
        let contacted = &answer["contacted"];
        let contact_rate = number(&contacted["contact_rate"]);
        assert!((0.7..0.8).contains(&contact_rate));
        assert_close(
            number(&contacted["effect_on_contacted"]),
            adjusted / contact_rate,
        );

        // Another hold-out than that of the list would compare other arms.
        let other = "/v1/analytics/campaign?campaign=loop&holdout=0.3";
        let refused = home.post_csv(other, &outcomes);
        assert_eq!(refused.pointers(), ["/arm"], "{}", refused.text);

        // With the whole query only the list counts; here that is the better half of it.
        let half = format!("{query}&contacts={}", effects.len() / 2);
        let of_half = home
            .post_csv(&format!("/v1/analytics/campaign?{half}"), &outcomes)
            .ok();
        let users = |answer: &Value| {
            number(&answer["control"]["users"]) + number(&answer["treatment"]["users"])
        };
        assert_eq!(of_half["treatment"]["users"], effects.len() / 2);
        assert_eq!(
            number(&of_half["not_listed"]),
            users(&answer) - users(&of_half)
        );
        assert_eq!(of_half["missing"], 0);
        assert_eq!(answer["missing"], Value::Null);

        // The line goes to the nudge that it is of.
        let measured = items(&answer["nudges"])
            .iter()
            .filter(|nudge| nudge["toml"].is_string());
        let is_shown = |nudge: &&Value| number(&nudge["adjusted_difference"]["interval"][1]) < 0.0;
        let nudge = measured
            .filter(is_shown)
            .max_by_key(|nudge| nudge["treatment"]["users"].as_u64());
        let nudge = nudge.expect("some nudge is shown to help");
        let Some(folder) = sources(home) else {
            return;
        };
        let copy = tempfile::tempdir().unwrap();
        for path in Sources::PATHS {
            let to = copy.path().join(path);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(folder.join(path), to).unwrap();
        }
        let nudges = copy.path().join("data/nudges.toml");
        let id = format!("id = \"{}\"\n", text(&nudge["nudge"]));
        let source = std::fs::read_to_string(&nudges).unwrap();
        assert_eq!(source.matches(&id).count(), 1);
        let pasted = source.replace(&id, &format!("{id}{}\n", text(&nudge["toml"])));
        std::fs::write(&nudges, pasted).unwrap();
        let taught = Home::start(Some(copy.path().to_owned()));

        let row = listed
            .iter()
            .find(|row| row["nudge"] == text(&nudge["nudge"]))
            .unwrap();
        let advice = taught.read(&format!("/v1/nudges/{}", encoded(&row[id_name])));
        let first = &advice["nudges"][0];
        assert_eq!(first["id"], nudge["nudge"]);
        assert_eq!(first["measured"]["campaign"], "loop");
        assert_eq!(first["measured"]["experiment"], Value::Null);
        // The line has six digits.
        let written = number(&first["measured"]["effect"]);
        assert!((written - number(&nudge["adjusted_difference"]["estimate"])).abs() < 1e-6);
        assert_eq!(
            first["measured"]["customers"],
            number(&nudge["control"]["users"]) as u64 + number(&nudge["treatment"]["users"]) as u64
        );
        // A report says where the effect is from.
        let report = taught
            .get(&format!("/v1/summary/{}", encoded(&row[id_name])))
            .text;
        assert!(report.contains("campaign (loop)"), "{report}");
        // The next campaign goes by it: on the customers of the first, the effect is on average the one that was measured.
        let next = self::file(&taught, "campaign=next");
        let of_nudge: BTreeSet<&String> = listed
            .iter()
            .filter(|row| row["nudge"] == text(&nudge["nudge"]))
            .map(|row| &row[id_name])
            .collect();
        let effects: Vec<f64> = next
            .iter()
            .filter(|row| of_nudge.contains(&row[id_name]))
            .inspect(|row| {
                assert_eq!(
                    (&*row["nudge"], &*row["effect_kind"]),
                    (text(&nudge["nudge"]), "measured")
                )
            })
            .map(|row| row["effect"].parse().unwrap())
            .collect();
        assert_eq!(effects.len(), of_nudge.len());
        let mean = effects.iter().sum::<f64>() / effects.len() as f64;
        assert!(
            (mean + number(&first["measured"]["effect"])).abs() < 1e-5,
            "{mean}"
        );
    });
}

#[test]
fn outcomes_are_refused_with_every_fault() {
    where_customers_pay(|home| {
        let id_name = home.role("id").unwrap();
        let id = home.some_customer();
        let path = "/v1/analytics/campaign?campaign=a";
        let lacking = home.post_csv(path, "name,when\na,b\n");
        assert_eq!(
            lacking.pointers(),
            [format!("/{id_name}"), "/left".to_owned()]
        );
        let wrong = home.post_csv(
            path,
            &format!("{id_name},left,contacted\n{id},perhaps,often\n,no,\n"),
        );
        assert_eq!(
            wrong.pointers(),
            [
                "/0/left".to_owned(),
                "/0/contacted".to_owned(),
                format!("/1/{id_name}")
            ]
        );
        assert!(wrong.text.contains("perhaps"));
        let query = "/v1/analytics/campaign?holdout=0&colour=red&limit=5";
        let answer = home.post_csv(query, &format!("{id_name},left\n{id},no\n"));
        assert_eq!(
            answer.pointers(),
            ["/campaign", "/holdout", "/colour", "/limit"]
        );
        assert_eq!(home.post(path, &json!([])).status, 415);
        assert_eq!(home.get(path).status, 405);
        assert_eq!(home.post_csv(path, "").status, 400);
        assert_eq!(post_for(home, "text/csv", path, "").status, 406);
        // With nobody to compare there is a readout all the same.
        let nobody = home
            .post_csv(path, &format!("{id_name},left\nno such customer,no\n"))
            .ok();
        assert_eq!(
            (&nobody["control"]["users"], &nobody["treatment"]["users"]),
            (&json!(0), &json!(0))
        );
        assert_eq!(nobody["decision"], "keep_running");
        assert_eq!(nobody["impact"]["customers_kept"], Value::Null);
        assert_eq!(nobody["contacted"], Value::Null);
        assert_eq!(nobody["nudges"], json!([]));
    });
}

#[test]
fn contradicting_rows_count_for_nothing() {
    where_customers_pay(|home| {
        let id_name = home.role("id").unwrap();
        let page = home.read("/v1/summary?limit=3&sort=customer_id");
        let ids = ids(&page);
        let mut rows = format!("{id_name},left\n");
        for (id, left) in [
            (0, "no"),
            (0, "no"),
            (1, "no"),
            (1, "yes"),
            (2, ""),
            (2, "yes"),
            (2, ""),
        ] {
            rows += &format!("{},{left}\n", ids[id]);
        }
        let answer = home
            .post_csv("/v1/analytics/campaign?campaign=a", &rows)
            .ok();
        assert_eq!(texts(&answer["repeated"]), ids);
        let users = |arm: &str| answer[arm]["users"].as_u64().unwrap();
        assert_eq!(users("control") + users("treatment"), 2);
    });
}

#[test]
fn wrong_campaigns_are_refused() {
    where_customers_pay(|home| {
        assert_eq!(home.get("/v1/nudges").pointers(), ["/campaign"]);
        let query = "campaign=+&holdout=1&contacts=0&budget=-1&cost=x&months=0&success=2&limit=0&cursor=1&colour=red";
        let expected = [
            "/campaign",
            "/holdout",
            "/contacts",
            "/budget",
            "/cost",
            "/months",
            "/success",
            "/limit",
            "/cursor",
            "/colour",
        ];
        assert_eq!(
            home.get(&format!("/v1/nudges?{query}")).pointers(),
            expected
        );
        let both = home.get("/v1/nudges?campaign=a&contacts=1&budget=1&cost=1");
        assert_eq!(both.pointers(), ["/budget"]);
        let stale = home.get("/v1/nudges?campaign=a&cursor=0123abcd-5");
        assert_eq!(stale.status, 409, "{}", stale.text);
        assert_eq!(
            home.get_as("text/plain", "/v1/nudges?campaign=a").status,
            406
        );
    });
    everywhere(|home| {
        // Ids need a campaign, and a profile has none.
        assert_eq!(home.post_csv("/v1/nudges", "a\n").pointers(), ["/campaign"]);
        let profile = home.some_profile();
        assert_eq!(
            home.post("/v1/nudges?campaign=a", &profile).pointers(),
            ["/campaign"]
        );
        let request = home
            .request("POST", "/v1/nudges")
            .header("content-type", "application/json");
        let answer = send(
            request.header("accept", "text/csv"),
            profile.to_string().as_bytes(),
        );
        assert_eq!(answer.status, 406);
    });
}

#[test]
fn a_business_without_a_recurring_amount_has_no_list() {
    for home in homes()
        .iter()
        .filter(|home| home.role("recurring").is_none())
    {
        let answer = home.get("/v1/nudges?campaign=a");
        assert_eq!(answer.status, 404, "{}", answer.text);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        // What became of customers can be compared all the same, and has no money.
        let id_name = home.role("id").unwrap();
        let file = format!("{id_name},left\n{},no\n", home.some_customer());
        let answer = home
            .post_csv("/v1/analytics/campaign?campaign=a", &file)
            .ok();
        assert_eq!(answer["impact"]["revenue"], Value::Null);
    }
}
