//! What the platform says of the invocation at hand, for whatever is logged or measured meanwhile.

use crate::frame::RequestId;
use axum::extract::Request;
use lambda_http::RequestExt;
use std::sync::atomic::{AtomicBool, Ordering};

static WARM: AtomicBool = AtomicBool::new(false);

tokio::task_local! {
    static CURRENT: Invocation;
}

/// One invocation of the function.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Whether it is the first of this process.
    pub cold_start: bool,
    /// The platform's id of it.
    pub function_request_id: String,
    /// The id that the caller knows it by, `x-request-id`.
    pub correlation_id: String,
    /// The root of its trace, where the platform gave one.
    pub xray_trace_id: Option<String>,
}

impl Invocation {
    /// Takes up a request, and settles its id for the frame.
    pub fn begin(request: &mut Request) -> Self {
        let correlation_id = RequestId::settle(request);
        let context = request.lambda_context_ref();
        Self {
            cold_start: !WARM.swap(true, Ordering::Relaxed),
            function_request_id: context.map_or_else(String::new, |it| it.request_id.clone()),
            correlation_id: correlation_id.as_str().to_owned(),
            xray_trace_id: context
                .and_then(|it| it.xray_trace_id.as_deref())
                .map(|header| root(header).to_owned()),
        }
    }

    /// Makes this the current invocation while a future runs.
    pub async fn around<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    /// Looks at the current invocation; there is none while the process starts.
    pub fn current<T>(look: impl FnOnce(&Self) -> T) -> Option<T> {
        CURRENT.try_with(look).ok()
    }
}

/// The trace's own id in a header such as `Root=1-67…;Parent=53…;Sampled=0`.
fn root(header: &str) -> &str {
    let mut parts = header.split(';');
    parts
        .find_map(|part| part.trim().strip_prefix("Root="))
        .unwrap_or(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_is_its_root() {
        assert_eq!(
            root("Root=1-5759e988-bd86;Parent=5399;Sampled=1"),
            "1-5759e988-bd86"
        );
        assert_eq!(root("1-5759e988-bd86"), "1-5759e988-bd86");
    }
}
