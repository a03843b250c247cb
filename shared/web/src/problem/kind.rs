//! What kinds of problems there are: the one table of their names, statuses and explanations.

use axum::http::StatusCode;
use serde::{Serialize, Serializer};

/// What is to be known of a kind of problem.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// Its name, the last segment of its path.
    #[serde(skip)]
    pub slug: &'static str,
    /// The kind in words.
    pub title: &'static str,
    /// The HTTP status.
    #[serde(serialize_with = "number")]
    pub status: StatusCode,
    /// When it is answered.
    pub when: &'static str,
    /// What a client can do about it.
    pub remedy: &'static str,
}

fn number<S: Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

macro_rules! kinds {
    ($($kind:ident: $status:ident, $slug:literal, $title:literal, when $when:literal, remedy $remedy:literal;)*) => {
        /// A kind of problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind {
            $(#[doc = $when] $kind,)*
        }

        impl Kind {
            /// Every kind there is.
            pub const ALL: &[Self] = &[$(Self::$kind),*];
        }

        /// In the order of the kinds.
        static EXPLANATIONS: &[Explanation] = &[$(Explanation {
            slug: $slug,
            title: $title,
            status: StatusCode::$status,
            when: $when,
            remedy: $remedy,
        }),*];
    };
}

kinds! {
    MalformedRequest: BAD_REQUEST, "malformed-request", "Malformed request",
        when "The path, query, headers or body can't be read: they are cut short, wrongly encoded, or not the JSON or CSV they are sent as.",
        remedy "Correct the request; the detail says where it stops making sense.";
    Unauthenticated: UNAUTHORIZED, "unauthenticated", "Unauthenticated",
        when "Sign-in is configured, and the request has no valid token.",
        remedy "Sign in at the issuer and send its token as `authorization: Bearer`; one that has expired must be renewed.";
    CrossSiteRequest: FORBIDDEN, "cross-site-request", "Cross-site request",
        when "A page of another site had a browser post here.",
        remedy "Post from a page of the same site, or from a program that is not a browser.";
    DownloadWithheld: FORBIDDEN, "download-withheld", "Download withheld",
        when "The caller may see lists of customers but not download them.",
        remedy "Ask as JSON, page by page; or have the operator give the token the claim for downloads.";
    WrongOrigin: FORBIDDEN, "wrong-origin", "Wrong origin",
        when "The request came to AWS by another way than CloudFront.",
        remedy "Send it to the address of the dashboard.";
    UnknownCustomer: NOT_FOUND, "unknown-customer", "Unknown customer",
        when "No customer has this id.",
        remedy "Take the id from the directory, `/v1/summary`.";
    UnknownPath: NOT_FOUND, "unknown-path", "Unknown path",
        when "Nothing is served at this path.",
        remedy "Look the path up in `/openapi.json`.";
    SwitchedOff: NOT_FOUND, "switched-off", "Not part of this business",
        when "The business has no field, experiment or previous workspace that the answer needs.",
        remedy "Look at the roles, the experiments and `previous` of `/v1/schema`.";
    UnknownProblem: NOT_FOUND, "unknown-problem", "Unknown problem",
        when "The explanation of a kind of problem was asked for, and there is no such kind.",
        remedy "Take the path from the `type` of a problem.";
    DashboardNotBuilt: NOT_FOUND, "dashboard-not-built", "The dashboard is not built",
        when "The server runs without the dashboard's files.",
        remedy "Run `make dashboard` and start the server again, or `make run` for both.";
    MethodNotAllowed: METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed",
        when "The path is served, but not with this method.",
        remedy "Use one of the methods in the header `allow`.";
    NotAcceptable: NOT_ACCEPTABLE, "not-acceptable", "Not acceptable",
        when "`Accept` excludes every media type of the response.",
        remedy "Accept one that the detail lists, or leave the header out.";
    RequestTimeout: REQUEST_TIMEOUT, "request-timeout", "Request timeout",
        when "The request did not arrive in time.",
        remedy "Send it again, over a faster connection or in smaller parts.";
    StaleCursor: CONFLICT, "stale-cursor", "Stale cursor",
        when "The cursor is of another version of the workspace, in which customers may have had another order.",
        remedy "List again from the first page, without a cursor.";
    PreconditionFailed: PRECONDITION_FAILED, "precondition-failed", "Precondition failed",
        when "A file of the dashboard is not the one that the request's condition names.",
        remedy "Ask for the file anew, without the condition.";
    BodyTooLarge: PAYLOAD_TOO_LARGE, "body-too-large", "Body too large",
        when "The body exceeds the limit, 1 MiB of JSON or 4 MiB of CSV.",
        remedy "Send it in parts, or score a large file with a bulk job.";
    AddressTooLong: URI_TOO_LONG, "address-too-long", "Address too long",
        when "The path and query are too long to be read.",
        remedy "Shorten the query.";
    UnsupportedMediaType: UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported media type",
        when "The media type of the body is missing, or it, the charset or the content encoding is not supported.",
        remedy "Send a `content-type` that the detail lists, in UTF-8 and without compression.";
    RangeNotSatisfiable: RANGE_NOT_SATISFIABLE, "range-not-satisfiable", "Range not satisfiable",
        when "A range of bytes was asked for that begins behind the end of the file.",
        remedy "Ask for one within the length in the header `content-range`.";
    MisdirectedRequest: MISDIRECTED_REQUEST, "misdirected-request", "Misdirected request",
        when "The server does not answer under this host name.",
        remedy "Use a name that it answers under; its setting `ALLOWED_HOSTS` lists them.";
    InvalidInput: UNPROCESSABLE_ENTITY, "invalid-input", "Invalid input",
        when "The request is well-formed, but fields or parameters have values that can't be accepted.",
        remedy "Correct what `errors` lists: each entry points at a field and says what it may be. Only the first 100 are listed.";
    RateLimited: TOO_MANY_REQUESTS, "rate-limited", "Too many requests",
        when "The client asks more often than it may.",
        remedy "Wait as many seconds as the header `retry-after` says, and ask less often.";
    ClientShareUsedUp: TOO_MANY_REQUESTS, "client-share-used-up", "Client's share used up",
        when "The bodies and answers that the client has in hand take its whole share of the server's memory.",
        remedy "Wait for its other requests to end, or send less at a time.";
    TooManyConnections: TOO_MANY_REQUESTS, "too-many-connections", "Too many connections",
        when "The client has as many connections with requests in hand as it may have.",
        remedy "Use fewer connections, and reuse them.";
    HeadersTooLarge: REQUEST_HEADER_FIELDS_TOO_LARGE, "headers-too-large", "Headers too large",
        when "The headers are too large or too many.",
        remedy "Send fewer or smaller headers; cookies are often the cause.";
    InternalError: INTERNAL_SERVER_ERROR, "internal-error", "Internal error",
        when "Something went wrong on our side.",
        remedy "Tell the operator the `request_id`, under which it is logged.";
    Overloaded: SERVICE_UNAVAILABLE, "overloaded", "Overloaded",
        when "The server has as many requests in hand as it can hold, or could not answer in time.",
        remedy "Try again after as many seconds as the header `retry-after` says.";
    NotReady: SERVICE_UNAVAILABLE, "not-ready", "Not ready",
        when "The server is about to stop, or its usage log can't be written.",
        remedy "Send requests to another replica meanwhile.";
    UsageLogKeyUnavailable: SERVICE_UNAVAILABLE, "usage-log-key-unavailable", "Usage log's key unavailable",
        when "The function can't fetch the key of its usage log, and answers nothing without a log.",
        remedy "Try again soon; if it lasts, the operator must give the function its key.";
}

impl Kind {
    /// The kind of this name, if there is one.
    pub fn named(slug: &str) -> Option<Self> {
        let kinds = Self::ALL.iter().copied();
        kinds
            .into_iter()
            .find(|kind| kind.explanation().slug == slug)
    }

    /// What is to be known of it.
    pub fn explanation(self) -> &'static Explanation {
        &EXPLANATIONS[self as usize]
    }

    /// What problems of this kind have as their `type`, the path at which it is explained.
    pub fn path(self) -> String {
        format!("/problems/{}", self.explanation().slug)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_of_one_kind() {
        for &kind in Kind::ALL {
            let slug = kind.explanation().slug;
            assert_eq!(Kind::named(slug), Some(kind), "{slug}");
            let lower = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
            assert!(slug.bytes().all(lower), "{slug}");
        }
        assert_eq!(Kind::named(""), None);
    }

    #[test]
    fn a_kind_has_the_name_that_code_calls_it_by() {
        for &kind in Kind::ALL {
            let words = kind.explanation().slug.split('-');
            let name: String = words
                .map(|word| word[..1].to_ascii_uppercase() + &word[1..])
                .collect();
            assert_eq!(name, format!("{kind:?}"));
        }
    }
}
