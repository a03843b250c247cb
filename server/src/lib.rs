//! The companion of the Lambda functions: the same routers in one process, with the dashboard and a health check.

#![forbid(unsafe_code)]

mod api;
mod claim;
mod command;
mod connections;
mod dashboard;
mod encoding;
mod gate;
mod health;
mod host;
mod leaving;
mod memory;
mod metrics;
mod problems;
mod security;
mod settings;
mod sign_in;
mod slots;
mod wire;
mod workspaces;

use api::Description;
pub use api::openapi;
pub use command::{command, health, serve_until_stopped};
pub use connections::Stopping;
pub use settings::{Settings, environment};

use axum::Router;
use axum::http::{Extensions, HeaderMap, StatusCode, Version, header};
use axum::response::IntoResponse;
use axum::routing::{Route, get};
use engagetrack::Live;
use gate::Gate;
use host::{AllowedHosts, Host};
use metrics::Metrics;
use security::Exit;
use sign_in::Issuer;
use std::convert::Infallible;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tower::layer::layer_fn;
use tower::{Service, ServiceBuilder, service_fn};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use utoipa_axum::router::OpenApiRouter;
use web::Problem;
use web::Routes;
use web::budget::Budget;
use web::usage_log::{Destination, UsageLog};
use workspaces::{Replaceable, Source, Watch};

/// The workspace that is compiled into the program.
pub fn embedded() -> Live {
    engagetrack::embedded::live(engagetrack::embedded::whole())
}

/// The five functions over a workspace in one router, with the description of their operations.
pub fn functions(live: Live) -> OpenApiRouter {
    OpenApiRouter::new()
        .merge(analytics::router())
        .merge(explain::router())
        .merge(nudges::router())
        .merge(predict::router())
        .merge(summary::router())
        .with_state(live)
}

/// What stands around the functions, whichever workspace they answer from.
struct House {
    /// The dashboard, and what it needs to know before anybody has signed in.
    site: Router,
    /// Health and metrics, for the inside. They answer under any host name: probes and scrapers know a pod by its address only.
    beside: Router,
    watch: Watch,
    metrics: Arc<Metrics>,
    gate: Arc<Gate>,
    issuer: Option<Arc<Issuer>>,
}

impl House {
    /// All routes, the functions' over this workspace.
    fn routes(&self, live: &Live) -> Routes {
        let gate = || Some(Arc::clone(&self.gate));
        let api = functions(live.clone())
            .route(
                "/v1/{*path}",
                axum::routing::any(async || Problem::unknown_path()),
            )
            // Behind the sign-in, because what is wrong with a customers file names customers.
            .merge(self.watch.router().into());
        let description = Description::new(live.clone());
        let site = self.site.clone().route(
            "/openapi.json",
            get(async move || description.answer().await),
        );
        let api = around(api, &self.metrics, gate(), self.issuer.clone());
        let site = around(site.into(), &self.metrics, gate(), None);
        let beside = around(self.beside.clone().into(), &self.metrics, None, None);
        Routes::from(api.merge(site).merge(beside))
            .answering_from(live.version(), live.model_version())
    }
}

/// Measures each request to a router, and puts the check of its host, the gate, and signing in, if there are any, before its
/// routes. One layer does it all, because axum boxes and clones what each layer adds.
fn around(
    router: OpenApiRouter,
    metrics: &Arc<Metrics>,
    gate: Option<Arc<Gate>>,
    issuer: Option<Arc<Issuer>>,
) -> OpenApiRouter {
    let around = Arc::new((Arc::clone(metrics), gate, issuer));
    router.layer(layer_fn(move |route: Route| {
        let around = Arc::clone(&around);
        service_fn(move |request| {
            let (around, mut route) = (Arc::clone(&around), route.clone());
            async move {
                let (metrics, gate, issuer) = &*around;
                let measurement = metrics.begin(&request);
                let response = match (Host::of(&request), gate) {
                    (Err(problem), _) => problem.into_response(),
                    (Ok(host), Some(gate)) => {
                        gate.pass(host.as_ref(), issuer.as_ref(), request, route)
                            .await
                    }
                    (Ok(_), None) => route.call(request).await?,
                };
                measurement.end(&response);
                Ok::<_, Infallible>(response)
            }
        })
    }))
}

/// Listens where the settings say, says so on stdout, and serves until a signal to stop.
///
/// # Errors
/// An address that can't be listened on.
pub async fn run(settings: Settings) -> io::Result<()> {
    web::logging::init();
    let listener = TcpListener::bind((settings.host.as_str(), settings.port)).await?;
    writeln!(
        io::stdout(),
        "EngageTrack AI is at http://{}",
        listener.local_addr()?
    )?;
    let usage_log = UsageLog::from_env(Destination::File(settings.usage_log.clone()));
    tokio::spawn(memory::keep_giving_back());
    serve(listener, &settings, usage_log).await
}

/// Serves until a signal to stop, then finishes the requests in hand and closes the usage log.
///
/// # Errors
/// Signals, or a port for health, that can't be listened for, or a dashboard or a workspace that can't be read.
pub async fn serve(
    listener: TcpListener,
    settings: &Settings,
    usage_log: UsageLog,
) -> io::Result<()> {
    let source = Source::of(settings.workspace.as_deref(), &settings.intake)?;
    let live = source.load().map_err(|faults| {
        let faults = faults.join("\n");
        io::Error::other(format!("the workspace can't be served:\n{faults}"))
    })?;
    let watch = Watch::new(source, &live);
    let stopping = Stopping::default();
    let hosts = hosts(settings, listener.local_addr()?);
    let budget = Budget::new(settings.memory.limits());
    let metrics = Arc::new(Metrics::new(
        usage_log.clone(),
        budget.clone(),
        watch.clone(),
    ));
    let exit = Exit::new(settings.sign_in.as_ref(), metrics.refusals());
    let house = House {
        site: sign_in::for_the_dashboard(settings.sign_in.as_ref())
            .merge(problems::router())
            .fallback_service(dashboard::service(&settings.dashboard)?),
        beside: health::router(usage_log.clone(), stopping.clone(), watch.clone())
            .merge(metrics.router()),
        watch: watch.clone(),
        gate: Arc::new(Gate::new(settings, hosts, budget)),
        issuer: settings.sign_in.as_ref().map(Issuer::new),
        metrics,
    };
    let app = {
        let (exit, usage_log) = (exit.clone(), usage_log.clone());
        move |routes: Routes| {
            // What has an etag has chosen its encoding, and would need another etag in another one.
            let has_none = |_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions| {
                !headers.contains_key(header::ETAG)
            };
            let worthwhile = SizeAbove::new(encoding::COMPRESSED_FROM)
                .and(NotForContentType::IMAGES)
                .and(has_none);
            let exit = exit.clone();
            ServiceBuilder::new()
                .map_response(move |response| exit.pass(response))
                .map_request(encoding::settled)
                .layer(CompressionLayer::new().compress_when(worthwhile))
                .service(web::app(routes, usage_log.clone()))
        }
    };
    // Until the end, so that probes learn of the stop.
    let _health = match settings.health_port {
        Some(port) => {
            let beside = around(house.beside.clone().into(), &house.metrics, None, None);
            let beside = beside.fallback(async || Problem::unknown_path());
            let app = app(beside.into());
            Some(health::listen(port, app, &exit, settings, &stopping)?)
        }
        None => None,
    };
    let served = Replaceable::new(app(house.routes(&live)));
    // So that a replaced workspace is freed once its last request has been answered.
    drop(live);
    let keeping = watch.keep({
        let served = served.clone();
        move |live| served.replace(app(house.routes(live)))
    })?;
    let keeping = tokio::spawn(keeping);
    let stop = stopped(stopping.clone(), settings.drain)?;
    connections::serve(listener, served, &exit, settings, &stopping, stop).await;
    keeping.abort();
    usage_log.close();
    Ok(())
}

/// The hosts that a server at this address answers under.
fn hosts(settings: &Settings, address: SocketAddr) -> AllowedHosts {
    settings.allowed_hosts.clone().unwrap_or_else(|| {
        let hosts = AllowedHosts::default_at(address);
        if hosts == AllowedHosts::All {
            tracing::warn!(%address, "ALLOWED_HOSTS is unset, so that the server answers under any host name");
        }
        hosts
    })
}

/// Resolves when it is time to stop: at once on SIGINT; on SIGTERM after a while in which whoever sends requests here is told to
/// send them elsewhere.
fn stopped(stopping: Stopping, drain: Duration) -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        let drained = async {
            terminate.recv().await;
            stopping.begin();
            tokio::time::sleep(drain).await;
        };
        tokio::select! { () = drained => {}, _ = interrupt.recv() => {} }
        stopping.begin();
    })
}
