//! The routes of one or more functions, and which function each path belongs to.

use axum::Router;
use axum::http::HeaderValue;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

/// What a home serves: a router, the names of the functions in it, and the workspace that they answer from.
#[derive(Clone)]
pub struct Routes {
    pub(crate) router: Router,
    pub(crate) functions: Functions,
    pub(crate) versions: Option<Arc<Versions>>,
}

/// Which workspace and model the functions answer from.
#[derive(Debug)]
pub(crate) struct Versions {
    pub(crate) workspace: Arc<str>,
    /// As the values of the headers.
    pub(crate) headers: [HeaderValue; 2],
}

impl From<OpenApiRouter> for Routes {
    fn from(router: OpenApiRouter) -> Self {
        let (router, description) = router.split_for_parts();
        Self {
            // A router that was never given its state, be it none, puts its routes together anew for each request.
            router: router.with_state(()),
            functions: Functions::of(&description),
            versions: None,
        }
    }
}

impl Routes {
    /// The routes of one function, given its operations: path, methods and handler of each.
    #[doc(hidden)]
    pub fn of_function(function: &str, router: Router, paths: &[String]) -> Self {
        let function: Arc<str> = function.into();
        let segments = paths.iter().filter_map(|path| segment(path));
        let functions = segments.map(|segment| (segment.to_owned(), Arc::clone(&function)));
        Self {
            router,
            functions: Functions(functions.collect()),
            versions: None,
        }
    }

    /// Has every answer of a function name the workspace and the model that it is from.
    ///
    /// # Panics
    /// When a version is no text that a header can hold.
    #[must_use]
    pub fn answering_from(self, workspace: &str, model: &str) -> Self {
        let header = |version| HeaderValue::from_str(version).expect("versions are plain texts");
        let versions = Versions {
            workspace: workspace.into(),
            headers: [header(workspace), header(model)],
        };
        Self {
            versions: Some(Arc::new(versions)),
            ..self
        }
    }
}

/// Declares the operations of a function, once: `router()` has their descriptions, and `routes(state)` is for a home that never
/// describes them, so that the descriptions are left out of the program.
#[macro_export]
macro_rules! operations {
    ($function:literal, $state:ty: $($handler:ident),+ $(,)?) => {
        /// The operations of this function, with their descriptions.
        pub fn router() -> $crate::utoipa_axum::router::OpenApiRouter<$state> {
            $crate::utoipa_axum::router::OpenApiRouter::new()
                $(.routes($crate::utoipa_axum::routes!($handler)))+
        }

        /// The operations of this function over a state, without their descriptions.
        pub fn routes(state: $state) -> $crate::Routes {
            use $crate::utoipa_axum::PathItemExt;
            let mut router = $crate::axum::Router::<$state>::new();
            let mut paths = Vec::new();
            $(
                let (path, methods) = $crate::utoipa_axum::paste! {(
                    <[<__path_ $handler>] as $crate::utoipa::Path>::path(),
                    <[<__path_ $handler>] as $crate::utoipa::Path>::methods(),
                )};
                for method in methods {
                    let method = $crate::axum::routing::MethodRouter::new().on(method.to_method_filter(), $handler);
                    router = router.route(&path, method);
                }
                paths.push(path);
            )+
            let versions = state.clone();
            $crate::Routes::of_function($function, router.with_state(state), &paths)
                .answering_from(versions.version(), versions.model_version())
        }
    };
}

impl From<Router> for Routes {
    /// Routes of no function.
    fn from(router: Router) -> Self {
        OpenApiRouter::from(router).into()
    }
}

/// The names of functions. Logs have them in place of paths, which may hold a customer's id.
#[derive(Clone)]
pub(crate) struct Functions(Arc<[(String, Arc<str>)]>);

impl Functions {
    /// Those that a description has paths of: an operation's tag names its function.
    fn of(description: &OpenApi) -> Self {
        let mut functions = BTreeMap::new();
        for (path, item) in &description.paths.paths {
            let mut tags = [&item.get, &item.post]
                .into_iter()
                .flatten()
                .filter_map(|operation| operation.tags.as_ref());
            if let (Some(segment), Some(tag)) =
                (segment(path), tags.next().and_then(|tags| tags.first()))
            {
                functions.insert(segment.to_owned(), Arc::from(tag.as_str()));
            }
        }
        Self(functions.into_iter().collect())
    }

    /// The function that a path belongs to.
    pub fn at(&self, path: &str) -> Option<&Arc<str>> {
        let wanted = segment(path)?;
        let found = self.0.iter().find(|(segment, _)| segment == wanted);
        found.map(|(_, function)| function)
    }
}

/// The first segment below `/v1/`. All paths that share it belong to one function.
fn segment(path: &str) -> Option<&str> {
    path.strip_prefix("/v1/")?.split('/').next()
}
