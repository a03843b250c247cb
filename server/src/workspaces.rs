//! The workspace that is served: where it comes from, and its replacement while the server runs.

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::Request;
use axum::routing::get;
use engagetrack::{Live, units};
use serde::Serialize;
use std::convert::Infallible;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::MissedTickBehavior;
use tower::Service;
use workspace::Part;
use workspace::compile::{Fault, Intake, Sources, compile_folder_as};

/// How often a file or folder is looked at. A change is taken up when the next look finds no further one, so within two seconds.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Where the workspace comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// The program.
    Embedded,
    /// A compiled file.
    File(PathBuf),
    /// A folder that is compiled, and how its customers are read.
    Folder(PathBuf, Intake),
}

/// A file as it is in the file system: device, inode, length, and when it was changed, in seconds and nanoseconds.
type Stamp = Option<(u64, u64, u64, i64, i64)>;

fn stamp(path: &Path) -> Stamp {
    let metadata = fs::metadata(path).ok()?;
    let (seconds, nanoseconds) = (metadata.ctime(), metadata.ctime_nsec());
    Some((
        metadata.dev(),
        metadata.ino(),
        metadata.len(),
        seconds,
        nanoseconds,
    ))
}

impl Source {
    /// What a setting names.
    ///
    /// # Errors
    /// There is nothing at the path.
    pub fn of(setting: Option<&Path>, intake: &Intake) -> io::Result<Self> {
        let Some(path) = setting else {
            return Ok(Self::Embedded);
        };
        let metadata = fs::metadata(path).map_err(|error| {
            let said = format!(
                "WORKSPACE is {}, which can't be read: {error}",
                path.display()
            );
            io::Error::new(error.kind(), said)
        })?;
        Ok(match metadata.is_dir() {
            true => Self::Folder(path.to_owned(), intake.clone()),
            false => Self::File(path.to_owned()),
        })
    }

    /// The kind of source, for machines.
    fn name(&self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::File(_) => "file",
            Self::Folder(..) => "folder",
        }
    }

    /// Opens the workspace as it is now.
    ///
    /// # Errors
    /// Each thing that is wrong with it.
    pub fn load(&self) -> Result<Live, Vec<String>> {
        match self {
            Self::Embedded => Ok(crate::embedded()),
            Self::File(path) => {
                Live::from_file(path, &Part::ALL).map_err(|error| vec![error.to_string()])
            }
            Self::Folder(path, intake) => {
                let compiled = compile_folder_as(path, intake, None)
                    .map_err(|faults| faults.iter().map(Fault::to_string).collect::<Vec<_>>())?;
                for warning in &compiled.warnings {
                    tracing::warn!("{warning}");
                }
                let live = Live::open(compiled.into_parts());
                let live = live.map_err(|error| vec![error.to_string()])?;
                for warning in units::directory_warnings(live.view()) {
                    tracing::warn!("{}: {warning}", Sources::CUSTOMERS);
                }
                Ok(live)
            }
        }
    }

    /// The files as they are now, for telling whether any has changed.
    fn stamps(&self) -> Vec<Stamp> {
        match self {
            Self::Embedded => Vec::new(),
            Self::File(path) => vec![stamp(path)],
            Self::Folder(path, _) => Sources::PATHS.map(|file| stamp(&path.join(file))).to_vec(),
        }
    }
}

/// What is served, and what is wrong with what should be.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// `embedded`, `file` or `folder`.
    pub source: &'static str,
    /// The workspace.
    pub version: String,
    /// Its model.
    pub model_version: String,
    /// Since when it is served, in UTC, RFC 3339.
    pub loaded_at: String,
    /// Why what the source holds now is not served; none where it is.
    pub faults: Vec<String>,
    /// How often another workspace took over, and how often one was refused.
    #[serde(skip)]
    pub taken: u64,
    /// How often a workspace was refused.
    #[serde(skip)]
    pub refused: u64,
}

/// Keeps the status of what is served.
#[derive(Clone)]
pub struct Watch {
    source: Source,
    status: Arc<ArcSwap<Status>>,
}

impl Watch {
    /// The status of a workspace that is served from now on.
    pub fn new(source: Source, live: &Live) -> Self {
        let status = Status {
            source: source.name(),
            version: live.version().to_owned(),
            model_version: live.model_version().to_owned(),
            loaded_at: now(),
            faults: Vec::new(),
            taken: 0,
            refused: 0,
        };
        let status = Arc::new(ArcSwap::from_pointee(status));
        Self { source, status }
    }

    /// What is served.
    pub fn status(&self) -> Arc<Status> {
        self.status.load_full()
    }

    /// `/workspace`: what is served, and what is wrong with what should be.
    pub fn router(&self) -> Router {
        let watch = self.clone();
        Router::new().route(
            "/workspace",
            get(async move || axum::Json((*watch.status()).clone())),
        )
    }

    /// Looks at the source again and again, and has `serve` take over each new workspace; at once when SIGHUP asks for it. Never ends.
    ///
    /// # Errors
    /// SIGHUP can't be listened for.
    pub fn keep(
        self,
        serve: impl Fn(&Live) + Send + Sync + 'static,
    ) -> io::Result<impl Future<Output = ()> + Send> {
        let mut asked = signal(SignalKind::hangup())?;
        let mut served = self.source.stamps();
        let serve = Arc::new(serve);
        Ok(async move {
            let mut looks = tokio::time::interval(LOOK_EVERY);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            // A change that may not be complete yet.
            let mut changing = None;
            loop {
                let wanted = tokio::select! {
                    _ = looks.tick() => false,
                    _ = asked.recv() => true,
                };
                let source = self.source.clone();
                let look = move || {
                    let stamps = source.stamps();
                    // Looking keeps alive a thread that may have worked on large bodies, and would otherwise have ended by now.
                    crate::memory::give_back();
                    stamps
                };
                let Ok(stamps) = tokio::task::spawn_blocking(look).await else {
                    continue;
                };
                if !wanted {
                    if stamps == served {
                        changing = None;
                        continue;
                    }
                    if changing.replace(stamps.clone()) != Some(stamps.clone()) {
                        continue;
                    }
                }
                (served, changing) = (stamps, None);
                let (watch, serve) = (self.clone(), Arc::clone(&serve));
                let taken = tokio::task::spawn_blocking(move || watch.take_over(&*serve)).await;
                if taken.is_err() {
                    self.refuse(vec![
                        "the workspace can't be read: an internal error, which is logged"
                            .to_owned(),
                    ]);
                }
            }
        })
    }

    /// Loads what the source holds now, and serves it where nothing is wrong with it.
    fn take_over(&self, serve: &impl Fn(&Live)) {
        match self.source.load() {
            Ok(live) => {
                serve(&live);
                self.status.rcu(|status| Status {
                    version: live.version().to_owned(),
                    model_version: live.model_version().to_owned(),
                    loaded_at: now(),
                    faults: Vec::new(),
                    taken: status.taken + 1,
                    ..(**status).clone()
                });
                tracing::info!(
                    version = live.version(),
                    model_version = live.model_version(),
                    "another workspace is served"
                );
            }
            Err(faults) => self.refuse(faults),
        }
    }

    /// Keeps serving the current workspace, and remembers what is wrong with the new one.
    fn refuse(&self, faults: Vec<String>) {
        let served = &self.status().version;
        for fault in &faults {
            tracing::error!(served, "{fault}");
        }
        tracing::error!(
            served,
            "the workspace is not taken over; the one before stays in use"
        );
        self.status.rcu(|status| Status {
            faults: faults.clone(),
            refused: status.refused + 1,
            ..(**status).clone()
        });
    }
}

fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// An app that can be replaced while it answers. A request is answered by the app that was there when it came.
pub struct Replaceable<A>(Arc<ArcSwap<A>>);

impl<A> Replaceable<A> {
    /// An app, for now.
    pub fn new(app: A) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(app)))
    }

    /// Has this app answer from now on.
    pub fn replace(&self, app: A) {
        self.0.store(Arc::new(app));
    }
}

impl<A> Clone for Replaceable<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A: Service<Request, Error = Infallible> + Clone> Service<Request> for Replaceable<A> {
    type Response = A::Response;
    type Error = Infallible;
    type Future = A::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Apps wait for nothing before they take a request.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> A::Future {
        A::clone(&self.0.load()).call(request)
    }
}
