//! The description of the whole API, OpenAPI 3.1.
//!
//! Each function describes its own parameters, bodies and successful responses. What all operations share is added here: the errors
//! of this module's table, what `shared.json` holds, and examples.

mod business;
mod examples;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use engagetrack::Live;
use engagetrack::vocabulary::Sort;
use std::sync::Arc;
use tokio::sync::OnceCell;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{OpenApi, PathItem, Ref, RefOr, ResponseBuilder};
use utoipa::{OpenApi as _, ToSchema};
use web::Problem;
use web::problem::ProblemDocument;

/// Title, servers, tags, security scheme, and the headers that operations share.
const SHARED: &str = include_str!("shared.json");

/// Schemas that no operation brings along: that of errors, and one that only a parameter refers to.
#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(ProblemDocument, Sort)))]
struct Unattached;

/// An error response.
struct Failure {
    status: &'static str,
    /// Its name among the components.
    name: &'static str,
    description: &'static str,
    /// The header that comes with it beside the request id, and its name among the components.
    header: Option<(&'static str, &'static str)>,
    /// Which operations can answer it.
    applies: fn(&Operation) -> bool,
}

const FAILURES: [Failure; 16] = [
    Failure {
        status: "400",
        name: "MalformedRequest",
        description: "The path, query, headers or body can't be read.",
        header: None,
        applies: any,
    },
    Failure {
        status: "401",
        name: "Unauthenticated",
        description: "Sign-in is configured, and the request has no valid token.",
        header: Some(("www-authenticate", "WwwAuthenticate")),
        applies: any,
    },
    Failure {
        status: "403",
        name: "Forbidden",
        description: "A page of another site sent the request, the token lacks the claim for downloading lists, or the request came to \
            AWS by another way than CloudFront.",
        header: None,
        applies: any,
    },
    Failure {
        status: "404",
        name: "UnknownCustomer",
        description: "No customer has this id.",
        header: None,
        applies: names_a_customer,
    },
    Failure {
        status: "404",
        name: "SwitchedOff",
        description: "The business has no experiment, no recurring amount, or no previous workspace to compare with.",
        header: None,
        applies: may_be_switched_off,
    },
    Failure {
        status: "406",
        name: "NotAcceptable",
        description: "`Accept` excludes every media type of the response.",
        header: None,
        applies: any,
    },
    Failure {
        status: "408",
        name: "RequestTimeout",
        description: "The request did not arrive in time.",
        header: None,
        applies: any,
    },
    Failure {
        status: "409",
        name: "StaleCursor",
        description: "The cursor is of another workspace than the one that is served now. List again from the first page.",
        header: None,
        applies: |operation| parameters(operation).any(|parameter| parameter.name == "cursor"),
    },
    Failure {
        status: "413",
        name: "BodyTooLarge",
        description: "The body exceeds 1 MiB of JSON or 4 MiB of CSV.",
        header: None,
        applies: has_a_body,
    },
    Failure {
        status: "415",
        name: "UnsupportedMediaType",
        description: "The media type of the body is missing, or it, the charset or the content encoding is not supported.",
        header: None,
        applies: has_a_body,
    },
    Failure {
        status: "421",
        name: "MisdirectedRequest",
        description: "The server does not answer under this host name.",
        header: None,
        applies: any,
    },
    Failure {
        status: "422",
        name: "InvalidInput",
        description: "Well-formed but invalid. `errors` lists the fields, the first 100 of them.",
        header: None,
        applies: |operation| has_a_body(operation) || has_parameter(operation, ParameterIn::Query),
    },
    Failure {
        status: "429",
        name: "TooManyRequests",
        description: "The client exceeds its share of the server.",
        header: Some(("retry-after", "RetryAfter")),
        applies: any,
    },
    Failure {
        status: "431",
        name: "HeadersTooLarge",
        description: "The headers are too large.",
        header: None,
        applies: any,
    },
    Failure {
        status: "500",
        name: "InternalError",
        description: "A fault of the server. It is logged under the request id.",
        header: None,
        applies: any,
    },
    Failure {
        status: "503",
        name: "Unavailable",
        description: "The server is overloaded, not ready, or has no key to seal its usage log with.",
        header: Some(("retry-after", "RetryAfter")),
        applies: any,
    },
];

fn any(_: &Operation) -> bool {
    true
}

fn has_a_body(operation: &Operation) -> bool {
    operation.request_body.is_some()
}

/// The only parameter in any path is a customer's id.
fn names_a_customer(operation: &Operation) -> bool {
    has_parameter(operation, ParameterIn::Path)
}

/// What answers only where the business has an experiment, a recurring amount, or a previous workspace.
fn may_be_switched_off(operation: &Operation) -> bool {
    let conditional = [
        "read_experiment",
        "read_policy",
        "read_changes",
        "list_campaign",
        "read_campaign",
    ];
    operation
        .operation_id
        .as_deref()
        .is_some_and(|id| conditional.contains(&id))
}

fn has_parameter(operation: &Operation, place: ParameterIn) -> bool {
    parameters(operation).any(|parameter| parameter.parameter_in == place)
}

fn parameters(operation: &Operation) -> impl Iterator<Item = &Parameter> {
    let parameters = operation.parameters.iter().flatten();
    parameters.filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    })
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post].into_iter().flatten()
}

/// The description as it is served: made when it is first asked for.
#[derive(Clone)]
pub struct Description {
    live: Live,
    text: Arc<OnceCell<String>>,
}

impl Description {
    /// The description of the functions over a workspace.
    pub fn new(live: Live) -> Self {
        Self {
            live,
            text: Arc::default(),
        }
    }

    /// The answer to a request for it.
    pub async fn answer(&self) -> Response {
        let make = || async {
            let api = openapi(&self.live).await;
            api.to_pretty_json().map(|text| text + "\n")
        };
        match self.text.get_or_try_init(make).await {
            Ok(text) => {
                ([(header::CONTENT_TYPE, "application/json")], text.clone()).into_response()
            }
            Err(error) => {
                tracing::error!(%error, "the description can't be written as JSON");
                Problem::internal().into_response()
            }
        }
    }
}

/// The description of the functions over a workspace. Its examples are what the handlers answer.
///
/// # Panics
/// Where `shared.json` or an example is not what the code makes of it; the tests would tell.
pub async fn openapi(live: &Live) -> OpenApi {
    let mut api: OpenApi = serde_json::from_str(SHARED).expect("shared.json is a description");
    env!("CARGO_PKG_VERSION").clone_into(&mut api.info.version);
    let note = live.view().schema.note();
    api.info.description = api
        .info
        .description
        .map(|text| text.replace("{note}", note));
    let (router, described) = crate::functions(live.clone()).split_for_parts();
    api.merge(described);
    api.merge(Unattached::openapi());
    let components = api.components.get_or_insert_default();
    for failure in &FAILURES {
        let response = failure.response();
        components
            .responses
            .insert(failure.name.to_owned(), response.into());
    }
    for operation in api.paths.paths.values_mut().flat_map(operations) {
        complete(operation);
    }
    business::complete(&mut api, live.view());
    examples::add(&mut api, &router, live.view()).await;
    api
}

impl Failure {
    fn response(&self) -> utoipa::openapi::Response {
        let document = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(ProblemDocument::name())))
            .build();
        let mut response = ResponseBuilder::new()
            .description(self.description)
            .content("application/problem+json", document)
            .build();
        refer(&mut response, "x-request-id", "RequestId");
        if let Some((header, component)) = self.header {
            refer(&mut response, header, component);
        }
        response
    }
}

/// Adds one of the shared headers to a response.
fn refer(response: &mut utoipa::openapi::Response, header: &str, component: &str) {
    let reference = Ref::new(format!("#/components/headers/{component}"));
    response
        .headers
        .insert(header.to_owned(), RefOr::Ref(reference));
}

/// Adds to an operation what it shares with others.
fn complete(operation: &mut Operation) {
    if let Some(RefOr::T(body)) = &mut operation.request_body
        && let Some(RefOr::T(file)) = body.content.get_mut("text/csv")
    {
        // Nothing, or blanks alone, is no file.
        let text = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .pattern(Some(r"\S"));
        file.schema = Some(text.into());
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            refer(response, "x-request-id", "RequestId");
            refer(response, "workspace-version", "WorkspaceVersion");
            refer(response, "model-version", "ModelVersion");
            let downloads = ["text/plain", "text/csv"];
            if downloads
                .iter()
                .any(|kind| response.content.contains_key(*kind))
            {
                refer(response, "content-disposition", "ContentDisposition");
            }
        }
    }
    for failure in &FAILURES {
        if (failure.applies)(operation) {
            let reference = RefOr::Ref(Ref::from_response_name(failure.name));
            let responses = &mut operation.responses.responses;
            responses.insert(failure.status.to_owned(), reference);
        }
    }
    let request_id = Ref::new("#/components/parameters/RequestId");
    let parameters = operation.parameters.get_or_insert_default();
    parameters.push(RefOr::Ref(request_id));
}
