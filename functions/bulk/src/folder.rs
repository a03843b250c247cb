//! A job from a file into a folder, on all cores.
//!
//! A part is written under another name, brought to the disk and then renamed, so that what stands under its own name is whole.
//! A shard's report is written last: where it stands and the parts have the hashes that it names, the shard is complete and
//! is not scored again. The report itself is not waited for: one that a power failure cuts short is no report.

use crate::{
    Input, Job, Layout, LayoutError, Manifest, ManifestError, Open, Part, Report, ResultsFormat,
    ScoreError, Shard, score,
};
use engagetrack::View;
use reader::Confirmed;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::num::NonZeroUsize;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;

/// The name of the manifest.
pub const MANIFEST: &str = "manifest.json";

/// A shard has at least and at most so many bytes; between the two, a file has [`SHARDS`].
const SHARD_BYTES: RangeInclusive<u64> = 2 << 20..=64 << 20;

/// Into how many shards a file of middling size is cut. It depends on nothing but the file, so that a job can be resumed on
/// another machine.
const SHARDS: u64 = 64;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Task {
    /// The file of customers.
    pub input: PathBuf,
    /// The folder for parts and manifest, which is made where it is not there.
    pub out: PathBuf,
    /// How it is read where that is not certain.
    pub confirmed: Confirmed,
    /// How it is cut.
    pub cut: Cut,
    /// What the results are written as.
    pub results: ResultsFormat,
    /// How many shards are scored at the same time.
    pub threads: NonZeroUsize,
}

/// How a file is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// As its size suggests.
    BySize,
    /// Into shards of this many bytes.
    Every(NonZeroUsize),
    /// Not at all.
    Unsharded,
}

/// What happens while a task runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It has begun: the input's size in bytes.
    Begun(u64),
    /// So many more bytes of the input have been read; those that two shards read are told once.
    Read(u64),
    /// So many more records have been read.
    Records(u64),
    /// A shard of this many bytes was complete already.
    Resumed(u64),
}

/// Why a task did not come to its end. What is complete in the folder stays there and is not done again.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// A file can't be used.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds no customers.
    #[error("{}: {source}", path.display())]
    Input {
        /// Which.
        path: PathBuf,
        /// Why.
        source: LayoutError,
    },
    /// A shard can't be scored.
    #[error("{}: {source}", path.display())]
    Score {
        /// Of which file.
        path: PathBuf,
        /// Why.
        source: ScoreError,
    },
    /// The folder holds something else.
    #[error(
        "{}: holds parts of another job (another file, cut, model, catalogue of nudges or workspace); give another folder, or empty it",
        .0.display()
    )]
    OtherJob(PathBuf),
    /// Somebody else is at it.
    #[error("{}: another run is writing into it", .0.display())]
    InUse(PathBuf),
    /// The reports contradict each other.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// It was asked to stop.
    #[error("stopped; the same command goes on where it was")]
    Stopped,
}

/// Why one shard was not done.
enum Failure {
    Stopped,
    Task(Box<TaskError>),
}

impl From<TaskError> for Failure {
    fn from(error: TaskError) -> Self {
        Self::Task(Box::new(error))
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> TaskError {
    let path = path.to_owned();
    move |source| TaskError::File { path, source }
}

/// Scores a file into a folder, or the rest of it where a part has been done. It ends early when `stop` becomes true.
///
/// # Errors
/// See [`TaskError`]. Wrong records are no error.
pub fn run(
    view: &View<'_>,
    task: &Task,
    stop: &AtomicBool,
    observe: &(dyn Fn(Event) + Sync),
) -> Result<Manifest, TaskError> {
    let job = job(view, task)?;
    fs::create_dir_all(&task.out).map_err(at(&task.out))?;
    let folder = File::open(&task.out).map_err(at(&task.out))?;
    match folder.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(TaskError::InUse(task.out.clone())),
        Err(TryLockError::Error(error)) => return Err(at(&task.out)(error)),
    }
    let run = Run {
        view,
        fingerprint: job.fingerprint(),
        task,
        job: &job,
        stop,
        failed: AtomicBool::new(false),
        observe,
    };
    run.refuse_other_jobs()?;
    observe(Event::Begun(job.input.bytes));
    let mut shards: Vec<Shard> = job.shards().collect();
    if shards.iter().any(|shard| shard.first_line.is_none()) {
        let line_breaks = run.for_all(&shards, |shard| run.line_breaks(shard))?;
        number_lines(&mut shards, &job, &line_breaks);
    }
    let reports = run.for_all(&shards, |shard| run.complete(shard))?;
    let manifest = Manifest::of(view, &job, reports)?;
    let mut written = run.pending_with(MANIFEST, &manifest.to_json())?;
    written.bring_to_disk()?;
    written.keep()?;
    folder.sync_all().map_err(at(&task.out))?;
    Ok(manifest)
}

fn job(view: &View<'_>, task: &Task) -> Result<Job, TaskError> {
    let metadata = fs::metadata(&task.input).map_err(at(&task.input))?;
    let modified = metadata.modified().map_err(at(&task.input))?;
    let name = task.input.file_name().unwrap_or(task.input.as_os_str());
    let input = Input {
        name: name.to_string_lossy().into_owned(),
        bytes: metadata.len(),
        version: humantime::format_rfc3339_nanos(modified).to_string(),
    };
    let stored = Stored {
        path: &task.input,
        bytes: input.bytes,
    };
    let layout =
        Layout::read(view, &stored, &task.confirmed).map_err(|source| TaskError::Input {
            path: task.input.clone(),
            source,
        })?;
    let shard_bytes = match task.cut {
        Cut::BySize => {
            let bytes = input.bytes / SHARDS;
            Some(bytes.clamp(*SHARD_BYTES.start(), *SHARD_BYTES.end()))
        }
        Cut::Every(bytes) => Some(bytes.get() as u64),
        Cut::Unsharded => None,
    };
    Ok(Job::new(view, input, layout, shard_bytes).with_results(task.results))
}

/// Gives each shard the number of its first line: `line_breaks` says how many stand from the byte before each shard, or from the
/// first one's beginning, to the byte before its end.
pub fn number_lines(shards: &mut [Shard], job: &Job, line_breaks: &[u64]) {
    let mut line = job.layout.body_line;
    for (shard, line_breaks) in shards.iter_mut().zip(line_breaks) {
        // A shard's first line begins after a line break that its predecessors' counts leave out.
        shard.first_line = Some(line + u64::from(shard.index > 0));
        line += line_breaks;
    }
}

/// A task on its way.
struct Run<'t> {
    view: &'t View<'t>,
    task: &'t Task,
    job: &'t Job,
    fingerprint: String,
    stop: &'t AtomicBool,
    /// Whether a shard has failed, so that the others needn't go on.
    failed: AtomicBool,
    observe: &'t (dyn Fn(Event) + Sync),
}

impl Run<'_> {
    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.failed.load(Ordering::Relaxed)
    }

    /// Does the same for all shards, several at a time, and gives what came of each in their order.
    fn for_all<T: Send>(
        &self,
        shards: &[Shard],
        work: impl Fn(&Shard) -> Result<T, Failure> + Sync,
    ) -> Result<Vec<T>, TaskError> {
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::with_capacity(shards.len()));
        let failure = Mutex::new(None);
        thread::scope(|scope| {
            for _ in 0..self.task.threads.get().min(shards.len()) {
                scope.spawn(|| {
                    while !self.is_over()
                        && let Some(shard) = shards.get(next.fetch_add(1, Ordering::Relaxed))
                    {
                        match work(shard) {
                            Ok(result) => lock(&done).push((shard.index, result)),
                            Err(Failure::Stopped) => {}
                            Err(Failure::Task(error)) => {
                                self.failed.store(true, Ordering::Relaxed);
                                lock(&failure).get_or_insert(*error);
                            }
                        }
                    }
                });
            }
        });
        if let Some(error) = lock(&failure).take() {
            return Err(error);
        }
        let mut done = std::mem::take(&mut *lock(&done));
        if done.len() < shards.len() {
            return Err(TaskError::Stopped);
        }
        done.sort_by_key(|(index, _)| *index);
        Ok(done.into_iter().map(|(_, result)| result).collect())
    }

    /// Makes sure that nothing in the folder is of another job.
    fn refuse_other_jobs(&self) -> Result<(), TaskError> {
        /// What reports and the manifest have in common.
        #[derive(serde::Deserialize)]
        struct OfJob {
            job: String,
        }
        for entry in fs::read_dir(&self.task.out).map_err(at(&self.task.out))? {
            let path = entry.map_err(at(&self.task.out))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let is_report = name.starts_with("report-") && name.ends_with(".json");
            if !is_report && name != MANIFEST {
                continue;
            }
            let bytes = fs::read(&path).map_err(at(&path))?;
            let found: Result<OfJob, _> = serde_json::from_slice(&bytes);
            if found.is_ok_and(|found| found.job != self.fingerprint) {
                return Err(TaskError::OtherJob(self.task.out.clone()));
            }
        }
        Ok(())
    }

    /// How many line breaks stand from the byte before a shard to the byte before its end.
    fn line_breaks(&self, shard: &Shard) -> Result<u64, Failure> {
        let Some(end) = shard.end else {
            return Ok(0);
        };
        let from = if shard.index == 0 {
            shard.start
        } else {
            shard.start - 1
        };
        let input = self.stored().range(from..end - 1);
        let mut input = input.map_err(at(&self.task.input))?;
        let mut chunk = vec![0; 128 << 10];
        let mut line_breaks = 0;
        loop {
            if self.is_over() {
                return Err(Failure::Stopped);
            }
            match input.read(&mut chunk).map_err(at(&self.task.input))? {
                0 => return Ok(line_breaks),
                read => line_breaks += self.job.layout.line_break.count(&chunk[..read]),
            }
        }
    }

    fn stored(&self) -> Stored<'_> {
        Stored {
            path: &self.task.input,
            bytes: self.job.input.bytes,
        }
    }

    /// How many bytes of the input are a shard's own.
    fn length(&self, shard: &Shard) -> u64 {
        let end = shard.end.unwrap_or(self.job.input.bytes);
        end.saturating_sub(shard.start)
    }

    /// The report of a shard, which is scored unless it is complete.
    fn complete(&self, shard: &Shard) -> Result<Report, Failure> {
        if let Some(report) = self.completed(shard) {
            (self.observe)(Event::Resumed(self.length(shard)));
            return Ok(report);
        }
        let input = Watched {
            stored: self.stored(),
            own: AtomicU64::new(self.length(shard)),
            run: self,
        };
        let mut results = self.pending(&self.job.results_name(shard))?;
        let mut rejects = self.pending(&shard.rejects_name())?;
        let progress = |records| (self.observe)(Event::Records(records));
        let report = match score(
            self.view,
            self.job,
            shard,
            &input,
            &mut results.file,
            &mut rejects.file,
            progress,
        ) {
            Ok(report) => report,
            Err(_) if self.is_over() => return Err(Failure::Stopped),
            Err(source) => {
                let path = self.task.input.clone();
                return Err(TaskError::Score { path, source }.into());
            }
        };
        results.bring_to_disk()?;
        // Most shards reject nothing, and an empty file has nothing to lose.
        if report.rejects.bytes > 0 {
            rejects.bring_to_disk()?;
        }
        results.keep()?;
        rejects.keep()?;
        let json = serde_json::to_vec(&report).map_err(|error| at(&self.task.out)(error.into()))?;
        self.pending_with(&shard.report_name(), &json)?.keep()?;
        Ok(report)
    }

    /// The report of a shard that is complete: its parts are what the report says.
    fn completed(&self, shard: &Shard) -> Option<Report> {
        let bytes = fs::read(self.task.out.join(shard.report_name())).ok()?;
        let report: Report = serde_json::from_slice(&bytes).ok()?;
        let is_there = |part: &Part| {
            let file = File::open(self.task.out.join(&part.name)).ok()?;
            (Part::of(part.name.clone(), file).ok()? == *part).then_some(())
        };
        is_there(&report.results)?;
        is_there(&report.rejects)?;
        Some(report)
    }

    /// A small file, written but for its name.
    fn pending_with(&self, name: &str, bytes: &[u8]) -> Result<Pending, TaskError> {
        let mut pending = self.pending(name)?;
        pending.file.write_all(bytes).map_err(at(&pending.path))?;
        Ok(pending)
    }

    fn pending(&self, name: &str) -> Result<Pending, TaskError> {
        let unfinished = self.task.out.join(format!("{name}.unfinished"));
        Ok(Pending {
            file: BufWriter::new(File::create(&unfinished).map_err(at(&unfinished))?),
            path: self.task.out.join(name),
            unfinished: Some(unfinished),
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The input.
struct Stored<'t> {
    path: &'t Path,
    bytes: u64,
}

impl Stored<'_> {
    fn range(&self, range: Range<u64>) -> io::Result<io::Take<File>> {
        let mut file = File::open(self.path)?;
        file.seek(SeekFrom::Start(range.start))?;
        Ok(file.take(range.end - range.start))
    }
}

impl Open for Stored<'_> {
    fn size(&self) -> u64 {
        self.bytes
    }

    fn open(&self, range: Range<u64>) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.range(range)?))
    }

    fn file(&self) -> io::Result<Option<File>> {
        File::open(self.path).map(Some)
    }
}

/// The input, read under the eyes of those who wait and of those who may want it to stop.
struct Watched<'r, 't> {
    stored: Stored<'r>,
    /// How many of the bytes to come are the shard's own, and not its neighbours'.
    own: AtomicU64,
    run: &'r Run<'t>,
}

impl Open for Watched<'_, '_> {
    fn size(&self) -> u64 {
        self.stored.bytes
    }

    fn open(&self, range: Range<u64>) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(WatchedRange {
            input: self.stored.range(range)?,
            watched: self,
        }))
    }

    fn file(&self) -> io::Result<Option<File>> {
        self.stored.file()
    }

    fn told(&self, bytes: u64) -> io::Result<()> {
        let Self { own, run, .. } = self;
        if run.is_over() {
            return Err(io::Error::other("stopped"));
        }
        // Whatever is read twice is told once.
        let before = own.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |own| {
            Some(own.saturating_sub(bytes))
        });
        let (Ok(before) | Err(before)) = before;
        (run.observe)(Event::Read(before.min(bytes)));
        Ok(())
    }
}

/// A range of the input.
struct WatchedRange<'w, 'r, 't> {
    input: io::Take<File>,
    watched: &'w Watched<'r, 't>,
}

impl Read for WatchedRange<'_, '_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.watched.told(read as u64)?;
        Ok(read)
    }
}

/// A file that has its own name only once it is whole, and else disappears.
struct Pending {
    file: BufWriter<File>,
    path: PathBuf,
    unfinished: Option<PathBuf>,
}

impl Pending {
    /// Waits until all that was written is on the disk.
    fn bring_to_disk(&mut self) -> Result<(), TaskError> {
        self.file.flush().map_err(at(&self.path))?;
        self.file.get_ref().sync_all().map_err(at(&self.path))
    }

    /// Gives it its own name.
    fn keep(mut self) -> Result<(), TaskError> {
        self.file.flush().map_err(at(&self.path))?;
        if let Some(unfinished) = self.unfinished.take() {
            fs::rename(unfinished, &self.path).map_err(at(&self.path))?;
        }
        Ok(())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(unfinished) = &self.unfinished {
            // Left behind it does no harm: the next run writes it anew.
            let _ = fs::remove_file(unfinished);
        }
    }
}
