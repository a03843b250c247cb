//! `/problems/<type>`: what kinds of problems there are, explained to whoever follows the `type` of one.

use axum::Router;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use web::body::Json;
use web::negotiation::Offer;
use web::problem::{Explanation, Kind};
use web::{Accept, Problem, Segment};

/// As what an explanation is answered: data unless, as a browser does, the caller likes a page better.
#[derive(Clone, Copy)]
enum Format {
    Data,
    Page,
}

impl Offer for Format {
    const OFFERED: &'static [(&'static str, Self)] =
        &[("application/json", Self::Data), ("text/html", Self::Page)];
}

/// A kind of problem as data.
#[derive(Serialize)]
struct Document {
    r#type: String,
    #[serde(flatten)]
    explanation: &'static Explanation,
}

/// The paths of all kinds of problems.
pub fn router() -> Router {
    Router::new().route("/problems/{type}", get(explain))
}

async fn explain(
    Accept(format): Accept<Format>,
    Segment(slug): Segment,
) -> Result<Response, Problem> {
    let kind = Kind::named(&slug).ok_or_else(unknown)?;
    let explanation = kind.explanation();
    let answer = match format {
        Format::Page => Html(page(explanation)).into_response(),
        Format::Data => Json(Document {
            r#type: kind.path(),
            explanation,
        })
        .into_response(),
    };
    // A cache must keep the two apart.
    Ok(([(header::VARY, "accept")], answer).into_response())
}

fn unknown() -> Problem {
    Problem::new(Kind::UnknownProblem, "No problem has this type.")
}

/// The same for people.
fn page(explanation: &Explanation) -> String {
    let Explanation {
        title,
        status,
        when,
        remedy,
        ..
    } = explanation;
    let (status, when, remedy) = (status.as_u16(), code(when), code(remedy));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <h1>{title}</h1>\n<p>HTTP status {status}. {when}</p>\n<h2>What to do</h2>\n<p>{remedy}</p>\n</html>\n"
    )
}

/// Text in which what stands between backticks is code, as HTML.
fn code(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let parts = text.split('`').enumerate();
    parts
        .map(|(index, part)| match index % 2 {
            0 => part.to_owned(),
            _ => format!("<code>{part}</code>"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_marked_and_nothing_is_markup_by_accident() {
        assert_eq!(
            code("`a` & <b>, then `c`."),
            "<code>a</code> &amp; &lt;b>, then <code>c</code>."
        );
    }

    #[test]
    fn explanations_have_whole_pairs_of_backticks() {
        for kind in Kind::ALL {
            let Explanation { when, remedy, .. } = kind.explanation();
            for text in [when, remedy] {
                assert_eq!(text.matches('`').count() % 2, 0, "{text}");
                assert!(text.ends_with('.'), "{text}");
            }
        }
    }
}
