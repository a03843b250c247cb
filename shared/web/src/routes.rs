//! The routes of one or more functions, and which function each path belongs to.

use axum::Router;
use std::collections::BTreeSet;
use std::sync::Arc;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

/// What a home serves: a router, and the names of the functions in it.
#[derive(Clone)]
pub struct Routes {
    pub(crate) router: Router,
    pub(crate) functions: Functions,
}

impl From<OpenApiRouter> for Routes {
    fn from(router: OpenApiRouter) -> Self {
        let (router, description) = router.split_for_parts();
        Self {
            // A router that was never given its state, be it none, puts its routes together anew for each request.
            router: router.with_state(()),
            functions: Functions::of(&description),
        }
    }
}

impl From<Router> for Routes {
    /// Routes of no function.
    fn from(router: Router) -> Self {
        OpenApiRouter::from(router).into()
    }
}

/// The names of functions. Logs have them in place of paths, which may hold a customer's id.
#[derive(Clone)]
pub(crate) struct Functions(Arc<[Arc<str>]>);

impl Functions {
    /// Those that a description has paths of.
    fn of(description: &OpenApi) -> Self {
        let paths = description.paths.paths.keys();
        let names: BTreeSet<&str> = paths.filter_map(|path| name(path)).collect();
        Self(names.into_iter().map(Arc::from).collect())
    }

    /// The function that a path belongs to.
    pub fn at(&self, path: &str) -> Option<&Arc<str>> {
        let name = name(path)?;
        self.0.iter().find(|function| ***function == *name)
    }
}

/// The first segment below `/v1/`, which names a function where there is one.
fn name(path: &str) -> Option<&str> {
    path.strip_prefix("/v1/")?.split('/').next()
}
