//! A workspace that was compiled after a previous one, as the functions answer and describe it.

#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use engagetrack::Live;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use tower::ServiceExt;
use web::Routes;
use web::usage_log::UsageLog;
use workspace::compile::{Sources, compile};

/// The shipped workspace, compiled after one of an earlier date in which some customers were others.
static LIVE: LazyLock<Live> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let latest = Sources::PATHS.map(|path| fs::read_to_string(root.join(path)).unwrap());
    let [schema, customers, ..] = &latest;
    let date = schema.lines().find(|line| line.starts_with("as_of"));
    let earlier = schema.replace(date.unwrap(), "as_of = 2020-02-29");
    let (header, rows) = customers.split_once('\n').unwrap();
    let rows: Vec<&str> = rows.lines().collect();
    let (id, values) = (
        |line: usize| rows[line].split_once(',').unwrap().0,
        |line: usize| rows[line].split_once(',').unwrap().1,
    );
    let of_line = |line: usize| match line % 25 {
        // One will be new, two had each other's values, and one will be gone.
        0 => String::new(),
        1 => format!("{},{}\n", id(line), values(line + 1)),
        2 => format!("{},{}\n", id(line), values(line - 1)),
        3 => format!("{}\ngone-{}\n", rows[line], rows[line]),
        _ => format!("{}\n", rows[line]),
    };
    let former: String = (0..rows.len()).map(of_line).collect();
    let mut files = latest.clone();
    files[0] = earlier;
    files[1] = format!("{header}\n{former}");
    let files = files.map(String::into_bytes);
    let compiled = compile(&Sources::of(&files)).unwrap_or_else(|faults| panic!("{faults:?}"));
    let previous = Live::open(compiled.into_parts()).unwrap();
    let compiled = compile(&Sources {
        previous: Some(previous.view()),
        ..Sources::of(&latest.map(String::into_bytes))
    });
    let compiled = compiled.unwrap_or_else(|faults| panic!("{faults:?}"));
    assert_eq!(compiled.warnings, []);
    Live::open(compiled.into_parts()).unwrap()
});

async fn ask(live: &Live, target: &str, accept: &str) -> (u16, String) {
    let routes: Routes = server::functions(live.clone()).into();
    let request = Request::get(target)
        .header(header::ACCEPT, accept)
        .body(Body::empty());
    let answer = web::app(routes, UsageLog::off())
        .oneshot(request.unwrap())
        .await
        .unwrap();
    let status = answer.status().as_u16();
    let bytes = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(bytes.into()).unwrap())
}

async fn get(target: &str) -> Value {
    let (status, text) = ask(&LIVE, target, "application/json").await;
    assert_eq!(status, 200, "{target}: {text}");
    serde_json::from_str(&text).unwrap()
}

fn keys(value: &Value) -> BTreeSet<&str> {
    let members = value.as_object().unwrap();
    members.keys().map(String::as_str).collect()
}

#[tokio::test]
async fn predictions_summaries_and_rows_say_the_same_change() {
    let page = get("/v1/summary?limit=500&sort=-change&status=active&status=left").await;
    let items = page["items"].as_array().unwrap();
    assert!(items[0]["change"].as_f64().unwrap() > 0.3);
    for item in items.iter().step_by(25).chain(items.last()) {
        let id = item["customer_id"].as_str().unwrap();
        let answers = [
            get(&format!("/v1/predict/{id}")).await,
            get(&format!("/v1/summary/{id}")).await,
        ];
        for answer in answers {
            for name in ["probability", "change", "moved", "model_changed"] {
                assert_eq!(answer[name], item[name], "{name} of {id}");
            }
        }
        assert_eq!(item["model_changed"], false);
    }
    let (_, report) = ask(
        &LIVE,
        &format!("/v1/summary/{}", items[0]["customer_id"].as_str().unwrap()),
        "text/plain",
    )
    .await;
    assert!(
        report.contains("Since the data of 2020-02-29 the probability rose by "),
        "{report}"
    );
    assert!(report.lines().all(|line| line.chars().count() <= 80));
    // A posted profile has no former probability.
    let posted = get(&format!(
        "/v1/summary/{}",
        items[0]["customer_id"].as_str().unwrap()
    ))
    .await;
    let request = Request::post("/v1/predict")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(posted["profile"].to_string()));
    let router = Router::from(server::functions(LIVE.clone()));
    let answer = router.oneshot(request.unwrap()).await.unwrap();
    let bytes = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    let answer: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(answer["probability"], posted["probability"]);
    assert_eq!(answer.get("change"), None);
}

#[tokio::test]
async fn what_changed_adds_up_over_all_endpoints() {
    let changes = get("/v1/analytics/changes").await;
    let total =
        async |query: &str| get(&format!("/v1/summary?limit=1{query}")).await["total"].clone();
    for moved in ["up", "down", "new", "gone"] {
        let listed = total(&format!("&moved={moved}")).await;
        assert_eq!(changes[moved], listed, "{moved}");
        assert!(listed.as_u64().unwrap() > 0, "{moved}");
    }
    assert_eq!(changes["count"], total("").await);
    assert_eq!(changes["previous"]["as_of"], "2020-02-29");
    let schema = get("/v1/schema").await;
    assert_eq!(changes["previous"], schema["previous"]);
    assert_eq!(
        changes["current"]["workspace"],
        schema["versions"]["workspace"]
    );
    let selected = get("/v1/analytics?moved=new").await;
    assert_eq!(selected["count"], changes["new"]);
    let explained = get("/v1/explain?moved=new&status=active&max_points=1").await;
    assert_eq!(explained["population"], changes["new"]);
    let (_, file) = ask(&LIVE, "/v1/summary?moved=gone", "text/csv").await;
    assert_eq!(
        file.lines().next(),
        Some("customer_id,former_probability,former_risk_level,moved,former_status")
    );
    assert_eq!(changes["gone"], file.lines().count() - 1);
    let (_, file) = ask(&LIVE, "/v1/summary?limit=3", "text/csv").await;
    let header = file.lines().next().unwrap();
    assert!(
        header.contains(",percentile,change,moved,model_changed,"),
        "{header}"
    );
}

#[tokio::test]
async fn the_description_has_what_the_answers_have() {
    let described: Value = serde_json::to_value(server::openapi(&LIVE).await).unwrap();
    let schemas = &described["components"]["schemas"];
    let parameter = |path: &str, name: &str| {
        let parameters = described["paths"][path]["get"]["parameters"]
            .as_array()
            .unwrap();
        let found = parameters
            .iter()
            .find(|parameter| parameter["name"] == name);
        found.unwrap()["schema"]["items"]["enum"].clone()
    };
    assert_eq!(
        parameter("/v1/summary", "moved"),
        json!(["up", "down", "new", "gone"])
    );
    for path in [
        "/v1/analytics",
        "/v1/analytics/changes",
        "/v1/analytics/experiment",
        "/v1/explain",
    ] {
        assert_eq!(
            parameter(path, "moved"),
            json!(["up", "down", "new"]),
            "{path}"
        );
    }
    let filters = &schemas["Filters"]["properties"]["moved"]["items"]["enum"];
    assert_eq!(*filters, json!(["up", "down", "new"]));
    let sorts = schemas["Sort"]["enum"].as_array().unwrap();
    assert!(sorts.contains(&json!("change")) && sorts.contains(&json!("-change")));

    let rows = &schemas["DirectoryRow"]["oneOf"];
    for (row, query) in rows.as_array().unwrap().iter().zip(["", "&moved=gone"]) {
        let page = get(&format!("/v1/summary?limit=1{query}")).await;
        let item = &page["items"][0];
        assert_eq!(keys(item), keys(&row["properties"]));
        let required = row["required"].as_array().unwrap().iter();
        let required: BTreeSet<&str> = required.map(|name| name.as_str().unwrap()).collect();
        assert_eq!(keys(item), required);
    }
    for whole in ["CustomerPrediction", "Summary"] {
        let parts = schemas[whole]["allOf"].as_array().unwrap().iter();
        let mut parts = parts.map(|part| &part["$ref"]);
        assert!(
            parts.any(|part| part == "#/components/schemas/RiskChange"),
            "{whole}"
        );
    }
    assert_eq!(
        keys(&schemas["RiskChange"]["properties"]),
        BTreeSet::from(["change", "model_changed", "moved"])
    );
    let example = &described["paths"]["/v1/analytics/changes"]["get"]["responses"]["200"]["content"]
        ["application/json"]["example"];
    assert_eq!(keys(example), keys(&schemas["Changes"]["properties"]));

    // Without a previous workspace nothing of it is described but the summary of changes, which answers 404.
    let described = serde_json::to_value(server::openapi(&server::embedded()).await).unwrap();
    for pointer in [
        "/components/schemas/RiskChange",
        "/components/schemas/DirectoryRow/properties/change",
    ] {
        assert_eq!(described.pointer(pointer), None, "{pointer}");
    }
    let text = described.to_string();
    for name in ["\"moved\"", "\"-change\"", "schemas/RiskChange\""] {
        assert!(!text.contains(name), "{name}");
    }
}

#[tokio::test]
async fn a_workspace_without_a_previous_one_answers_so() {
    let live = server::embedded();
    let (status, text) = ask(&live, "/v1/analytics/changes", "*/*").await;
    let problem: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (status, &problem["type"]),
        (404, &json!("/problems/switched-off"))
    );
    assert_eq!(
        problem["detail"],
        "The business has no previous workspace: this one was compiled without --previous."
    );
    for query in ["sort=-change", "moved=gone"] {
        let (status, text) = ask(&live, &format!("/v1/summary?{query}"), "*/*").await;
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(status, 422);
        let detail = problem["errors"][0]["detail"].as_str().unwrap();
        assert!(
            detail.contains("was compiled with --previous; this one was not"),
            "{detail}"
        );
    }
}
