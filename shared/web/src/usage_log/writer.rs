//! Gets records into a sink: calls at the same time share one write, and what can't be written is kept and retried.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::Status;
use super::key::Key;
use super::line::{Chain, ChainNames, Record};
use super::sink::{Place, Sink};

/// How a writer bears with a sink that fails or stalls.
pub(super) struct Patience {
    /// Records kept at most; the rest overflows.
    pub kept: usize,
    /// The longest that a call waits for its line.
    pub wait: Duration,
    /// The pause before the first retry; it doubles with each failure.
    pub first_retry: Duration,
    /// The longest pause between retries.
    pub last_retry: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            kept: 10_000,
            wait: Duration::from_secs(1),
            first_retry: Duration::from_millis(100),
            last_retry: Duration::from_secs(30),
        }
    }
}

/// How many calls in a row must have come one by one before calls stop waiting for others.
const LONELY_FROM: usize = 8;
/// Every so often one of them waits all the same, to learn whether others have come.
const LONELY_CALLS: usize = 64;

/// Bytes that are kept for the lines of later rounds.
const ROOM: usize = 256 << 10;

/// The writer of one log; dropping it makes a last attempt at what is still kept.
pub(super) struct Writer {
    shared: Arc<Shared>,
}

struct Shared {
    key: Key,
    chains: ChainNames,
    patience: Patience,
    queue: Mutex<Queue>,
    /// Wakes the thread when the queue holds something for it.
    wake: Condvar,
    /// Started when there is something for it the first time: a process that answers one call after the other has no need
    /// of it, and starts faster without.
    thread: Mutex<Option<JoinHandle<()>>>,
    output: Mutex<Output>,
    overflow: Mutex<Overflow>,
    /// Rounds in a row that have taken in one call alone.
    lonely: AtomicUsize,
    /// Records taken in and not yet written or overflowed.
    pending: AtomicUsize,
    writable: AtomicBool,
    /// Why it is not writable.
    error: Mutex<Option<String>>,
    written: AtomicU64,
    failures: AtomicU64,
    overflowed: AtomicU64,
}

/// What waits for its turn to write.
#[derive(Default)]
struct Queue {
    entries: Vec<Entry>,
    retry_at: Option<Instant>,
    closing: bool,
}

struct Entry {
    record: Record,
    done: oneshot::Sender<()>,
}

/// A call's turn to write. It is taken also when the call is given up, its client having hung up.
struct Turn<'s>(&'s Arc<Shared>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let queue = locked(&self.0.queue);
        // Another call may have written for this one.
        let wanted = !queue.entries.is_empty() || queue.retry_at.is_some();
        drop(queue);
        if wanted {
            self.0.take_turn();
        }
    }
}

/// The sink and what it takes to write to it.
struct Output {
    sink: Box<dyn Sink>,
    chain: Chain,
    /// Records that are to be written, oldest first.
    kept: VecDeque<Record>,
    /// Room for their lines, kept from round to round.
    lines: Vec<u8>,
    retry_at: Option<Instant>,
    pause: Duration,
}

/// Takes the lines that find no room, in a chain of their own so that the log's stays whole.
struct Overflow {
    sink: Box<dyn Sink>,
    chain: Chain,
}

impl Writer {
    pub fn new(sink: Box<dyn Sink>, overflow: Box<dyn Sink>, key: Key, patience: Patience) -> Self {
        let chains = ChainNames::new();
        let output = Output {
            sink,
            chain: chains.start(),
            kept: VecDeque::new(),
            lines: Vec::new(),
            retry_at: None,
            pause: patience.first_retry,
        };
        let overflow = Overflow {
            sink: overflow,
            chain: chains.start(),
        };
        let shared = Arc::new(Shared {
            key,
            chains,
            patience,
            queue: Mutex::default(),
            wake: Condvar::new(),
            thread: Mutex::default(),
            output: Mutex::new(output),
            overflow: Mutex::new(overflow),
            lonely: AtomicUsize::new(0),
            pending: AtomicUsize::new(0),
            writable: AtomicBool::new(true),
            error: Mutex::default(),
            written: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            overflowed: AtomicU64::new(0),
        });
        Self { shared }
    }

    /// Resolves when the record's line is written or, while the sink fails, is safely kept for a retry.
    pub async fn write(&self, record: Record) {
        self.shared.write(record).await;
    }

    /// Opens the sink now, so that a place that can't be written is known before the first call.
    pub fn open(&self) {
        self.shared.take_turn();
    }

    pub fn status(&self) -> Status {
        let shared = &self.shared;
        let pending = shared.pending.load(Ordering::Relaxed);
        Status {
            writable: shared.writable.load(Ordering::Relaxed),
            error: locked(&shared.error).clone(),
            pending,
            full: pending >= shared.patience.kept,
            written: shared.written.load(Ordering::Relaxed),
            failures: shared.failures.load(Ordering::Relaxed),
            overflowed: shared.overflowed.load(Ordering::Relaxed),
        }
    }

    /// Makes a last attempt at what is kept and lets the rest overflow.
    pub fn close(&self) {
        locked(&self.shared.queue).closing = true;
        self.shared.wake.notify_one();
        // Not in the condition, which would hold the lock while the thread ends.
        let thread = locked(&self.shared.thread).take();
        if let Some(thread) = thread {
            // A thread that panicked has said so itself; there is nothing left to do for it.
            let _ = thread.join();
        }
        let mut output = locked(&self.shared.output);
        output.retry_at = None;
        self.shared.write_round(&mut output);
        for record in output.kept.drain(..) {
            self.shared.pending.fetch_sub(1, Ordering::Relaxed);
            self.shared.overflow(&record);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    async fn write(self: &Arc<Self>, record: Record) {
        if self.pending.fetch_add(1, Ordering::Relaxed) >= self.patience.kept {
            self.pending.fetch_sub(1, Ordering::Relaxed);
            self.overflow(&record);
            return;
        }
        let (done, written) = oneshot::channel();
        locked(&self.queue).entries.push(Entry { record, done });
        let turn = Turn(self);
        // Lets those calls queue that can: under load one write serves dozens. But where nobody comes, waiting costs a call
        // several times what its write does, because another thread wakes up and takes it over.
        let lonely = self.lonely.load(Ordering::Relaxed);
        if lonely < LONELY_FROM || lonely.is_multiple_of(LONELY_CALLS) {
            tokio::task::yield_now().await;
        }
        drop(turn);
        // A sink that stalls delays the calls that were waiting when it began, and none after them.
        if self.writable.load(Ordering::Relaxed)
            && tokio::time::timeout(self.patience.wait, written)
                .await
                .is_err()
        {
            self.fail(format!(
                "a write has been taking longer than {:?}",
                self.patience.wait
            ));
        }
    }

    /// Writes for all that wait, if the sink is free: a lone call pays for no other thread's waking.
    fn take_turn(self: &Arc<Self>) {
        let mut output = match self.output.try_lock() {
            Ok(output) => output,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Whoever has the sink looks at the queue once more when he has let go of it.
            Err(TryLockError::WouldBlock) => return,
        };
        self.write_round(&mut output);
        drop(output);
        // What came in meanwhile is the thread's, lest this call work for others forever.
        let queue = locked(&self.queue);
        if !queue.closing && (queue.retry_at.is_some() || !queue.entries.is_empty()) {
            self.wake_thread();
        }
    }

    fn wake_thread(self: &Arc<Self>) {
        let mut thread = locked(&self.thread);
        if thread.is_none() {
            let shared = Arc::clone(self);
            let started = std::thread::Builder::new()
                .name("usage-log".to_owned())
                .spawn(move || shared.serve());
            match started {
                Ok(started) => *thread = Some(started),
                Err(error) => tracing::error!(
                    %error,
                    "no thread for the usage log; only later calls retry what can't be written"
                ),
            }
        }
        self.wake.notify_one();
    }

    /// The thread: writes what the calls left over, and retries.
    fn serve(&self) {
        loop {
            {
                let mut queue = locked(&self.queue);
                loop {
                    let now = Instant::now();
                    let retry_in = queue.retry_at.map(|at| at.saturating_duration_since(now));
                    if queue.closing {
                        return;
                    }
                    if !queue.entries.is_empty() || retry_in.is_some_and(|pause| pause.is_zero()) {
                        break;
                    }
                    queue = match retry_in {
                        Some(pause) => {
                            self.wake
                                .wait_timeout(queue, pause)
                                .unwrap_or_else(PoisonError::into_inner)
                                .0
                        }
                        None => self
                            .wake
                            .wait(queue)
                            .unwrap_or_else(PoisonError::into_inner),
                    };
                }
            }
            self.write_round(&mut locked(&self.output));
        }
    }

    /// Writes all that waits, in one go, unless the pause after a failure still lasts.
    fn write_round(&self, output: &mut Output) {
        let mut waiting = Vec::new();
        for entry in std::mem::take(&mut locked(&self.queue).entries) {
            output.kept.push_back(entry.record);
            waiting.push(entry.done);
        }
        match waiting.len() {
            0 => {}
            1 => {
                self.lonely.fetch_add(1, Ordering::Relaxed);
            }
            _ => self.lonely.store(0, Ordering::Relaxed),
        }
        if output.retry_at.is_none_or(|at| at <= Instant::now()) {
            self.attempt(output);
        }
        // Still under the output's lock, so that no older round's time replaces a newer one's.
        locked(&self.queue).retry_at = output.retry_at;
        for done in waiting {
            // The call may be gone, its client having hung up.
            let _ = done.send(());
        }
    }

    fn attempt(&self, output: &mut Output) {
        match self.append(output) {
            Ok(()) => {
                let count = output.kept.len();
                output.kept.clear();
                self.pending.fetch_sub(count, Ordering::Relaxed);
                self.written.fetch_add(count as u64, Ordering::Relaxed);
                output.retry_at = None;
                output.pause = self.patience.first_retry;
                if locked(&self.error).take().is_some() {
                    self.writable.store(true, Ordering::Relaxed);
                    tracing::info!(count, "the usage log can be written again");
                }
            }
            Err(error) => {
                output.retry_at = Some(Instant::now() + output.pause);
                output.pause = (output.pause * 2).min(self.patience.last_retry);
                self.failures.fetch_add(1, Ordering::Relaxed);
                self.fail(error.to_string());
            }
        }
    }

    fn fail(&self, error: String) {
        self.writable.store(false, Ordering::Relaxed);
        let before = locked(&self.error).replace(error.clone());
        if before.is_none() {
            tracing::error!(
                error,
                "the usage log can't be written; events are kept and retried"
            );
        }
    }

    fn append(&self, output: &mut Output) -> io::Result<()> {
        match output.sink.prepare()? {
            Place::Continued => {}
            Place::Head => output.chain = self.chains.start(),
            Place::Behind(line) => {
                output.chain =
                    Chain::behind(&line, &self.key).unwrap_or_else(|| self.chains.start());
            }
        }
        if output.kept.is_empty() {
            return Ok(());
        }
        // The chain moves on only when the lines are written.
        let mut chain = output.chain.clone();
        output.lines.clear();
        for record in &output.kept {
            chain.push(record, &self.key, &mut output.lines);
        }
        output.sink.append(&output.lines)?;
        output.lines.clear();
        output.lines.shrink_to(ROOM);
        output.chain = chain;
        Ok(())
    }

    fn overflow(&self, record: &Record) {
        self.overflowed.fetch_add(1, Ordering::Relaxed);
        let mut overflow = locked(&self.overflow);
        let mut line = Vec::new();
        overflow.chain.push(record, &self.key, &mut line);
        // Standard error is the last resort; when it fails too, the count still tells.
        let _ = overflow.sink.append(&line);
    }
}

/// Locks, also after a panic elsewhere: what is guarded here is whole between any two statements that can panic.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::mpsc;
    use std::task::{Context, Waker};

    use super::super::sink::Memory;
    use super::super::verify::{Check, Order, Verifier};
    use super::*;

    /// A sink that announces each attempt to write and waits to be told whether it shall succeed.
    struct Gate {
        memory: Memory,
        announce: mpsc::Sender<()>,
        allowed: mpsc::Receiver<bool>,
    }

    impl Sink for Gate {
        fn prepare(&mut self) -> io::Result<Place> {
            Ok(Place::Continued)
        }

        fn append(&mut self, lines: &[u8]) -> io::Result<()> {
            // Neither end is there any more when a finished test drops the writer.
            let _ = self.announce.send(());
            if self.allowed.recv().unwrap_or(false) {
                self.memory.append(lines)
            } else {
                Err(io::ErrorKind::StorageFull.into())
            }
        }
    }

    struct Gated {
        writer: Writer,
        memory: Memory,
        overflow: Memory,
        attempts: mpsc::Receiver<()>,
        allow: mpsc::Sender<bool>,
    }

    fn key() -> Key {
        Key::new(b"a secret of a decent length", None)
    }

    fn gated(patience: Patience) -> Gated {
        let (memory, overflow) = (Memory::default(), Memory::default());
        let (announce, attempts) = mpsc::channel();
        let (allow, allowed) = mpsc::channel();
        let gate = Gate {
            memory: memory.clone(),
            announce,
            allowed,
        };
        let writer = Writer::new(Box::new(gate), Box::new(overflow.clone()), key(), patience);
        Gated {
            writer,
            memory,
            overflow,
            attempts,
            allow,
        }
    }

    fn numbered(number: usize) -> Record {
        Record {
            request_id: number.to_string(),
            ..Record::sample()
        }
    }

    /// The numbers of the records in a log, whose chain must be sound.
    fn numbers(memory: &Memory) -> Vec<usize> {
        let mut verifier = Verifier::new(Order::AsWritten, Check::Authenticity(vec![key()]));
        let mut source = verifier.source("memory");
        for line in memory.lines() {
            writeln!(source, "{line}").unwrap();
        }
        assert_eq!(verifier.finish().fault, None);
        let number = |line: &String| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["request_id"].as_str().unwrap().parse().unwrap()
        };
        memory.lines().iter().map(number).collect()
    }

    #[test]
    fn calls_at_the_same_time_share_one_write() {
        let Gated {
            writer,
            memory,
            attempts,
            allow,
            ..
        } = gated(Patience {
            wait: Duration::from_secs(600),
            ..Patience::default()
        });
        let writer = Arc::new(writer);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_time()
            .build()
            .unwrap();
        let call = |number| {
            let writer = Arc::clone(&writer);
            runtime.spawn(async move { writer.write(numbered(number)).await })
        };
        // The first call is in the midst of its write when the others come.
        let first = call(0);
        attempts.recv().unwrap();
        let others: Vec<_> = (1..=20).map(call).collect();
        while locked(&writer.shared.queue).entries.len() < others.len() {
            std::thread::yield_now();
        }
        allow.send(true).unwrap();
        allow.send(true).unwrap();
        runtime.block_on(async {
            first.await.unwrap();
            for other in others {
                other.await.unwrap();
            }
        });
        attempts.recv().unwrap();
        assert!(attempts.try_recv().is_err(), "there was a third write");
        let mut written = numbers(&memory);
        written.sort_unstable();
        assert_eq!(written, Vec::from_iter(0..=20));
    }

    #[tokio::test]
    async fn a_call_that_is_given_up_is_still_written() {
        let (memory, overflow) = (Memory::default(), Memory::default());
        let patience = Patience::default();
        let sinks = (Box::new(memory.clone()), Box::new(overflow));
        let writer = Writer::new(sinks.0, sinks.1, key(), patience);
        let mut call = Box::pin(writer.write(numbered(0)));
        let mut context = Context::from_waker(Waker::noop());
        assert!(call.as_mut().poll(&mut context).is_pending());
        assert!(memory.lines().is_empty());
        drop(call);
        assert_eq!(numbers(&memory), [0]);
    }

    #[tokio::test]
    async fn calls_wait_for_others_until_they_have_often_waited_in_vain() {
        let (memory, overflow) = (Memory::default(), Memory::default());
        let sinks = (Box::new(memory.clone()), Box::new(overflow));
        let writer = Writer::new(sinks.0, sinks.1, key(), Patience::default());
        let begin = |number| {
            let mut call = Box::pin(writer.write(numbered(number)));
            let mut context = Context::from_waker(Waker::noop());
            let waits = call.as_mut().poll(&mut context).is_pending();
            (call, waits)
        };
        for number in 0..LONELY_CALLS {
            assert_eq!(begin(number).1, number < LONELY_FROM, "{number}");
        }
        // This one waits to see, and is not alone.
        let (first, second) = (begin(LONELY_CALLS), begin(LONELY_CALLS + 1));
        assert!(first.1 && second.1);
        drop((first, second));
        assert!(begin(LONELY_CALLS + 2).1);
        assert_eq!(numbers(&memory), Vec::from_iter(0..=LONELY_CALLS + 2));
    }

    #[tokio::test]
    async fn what_can_not_be_written_is_kept_and_retried_without_another_call() {
        let Gated {
            writer,
            memory,
            attempts,
            allow,
            ..
        } = gated(Patience {
            first_retry: Duration::from_millis(1),
            ..Patience::default()
        });
        allow.send(false).unwrap();
        writer.write(numbered(0)).await;
        attempts.recv().unwrap();
        let status = writer.status();
        assert!(!status.writable && status.error.is_some() && status.failures == 1);
        assert_eq!((status.pending, status.written), (1, 0));

        for allowed in [false, false, true] {
            allow.send(allowed).unwrap();
            attempts.recv().unwrap();
        }
        writer.close();
        assert_eq!(numbers(&memory), [0]);
        let status = writer.status();
        assert_eq!(
            (
                status.writable,
                status.error,
                status.pending,
                status.written
            ),
            (true, None, 0, 1)
        );
        assert_eq!((status.failures, status.overflowed), (3, 0));
    }

    #[tokio::test]
    async fn what_finds_no_room_overflows_and_is_counted() {
        let never = Duration::from_secs(100_000);
        let Gated {
            writer,
            memory,
            overflow,
            allow,
            ..
        } = gated(Patience {
            kept: 2,
            first_retry: never,
            last_retry: never,
            ..Patience::default()
        });
        allow.send(false).unwrap();
        for number in 0..5 {
            writer.write(numbered(number)).await;
        }
        let status = writer.status();
        assert_eq!(
            (status.writable, status.pending, status.overflowed),
            (false, 2, 3)
        );
        assert_eq!(numbers(&overflow), [2, 3, 4]);

        allow.send(true).unwrap();
        writer.close();
        assert_eq!(numbers(&memory), [0, 1]);
    }

    #[tokio::test]
    async fn what_can_not_be_written_to_the_end_overflows() {
        let never = Duration::from_secs(100_000);
        let Gated {
            writer,
            memory,
            overflow,
            allow,
            ..
        } = gated(Patience {
            first_retry: never,
            last_retry: never,
            ..Patience::default()
        });
        allow.send(false).unwrap();
        writer.write(numbered(0)).await;
        writer.write(numbered(1)).await;
        allow.send(false).unwrap();
        writer.close();
        assert_eq!(numbers(&overflow), [0, 1]);
        assert!(memory.lines().is_empty());
        assert_eq!(
            (writer.status().pending, writer.status().overflowed),
            (0, 2)
        );
    }

    #[tokio::test]
    async fn a_sink_that_stalls_holds_up_no_later_call() {
        let Gated {
            writer,
            memory,
            attempts,
            allow,
            ..
        } = gated(Patience {
            wait: Duration::from_millis(1),
            ..Patience::default()
        });
        let writer = Arc::new(writer);
        let runtime = tokio::runtime::Handle::current();
        let stalled = std::thread::spawn({
            let writer = Arc::clone(&writer);
            move || runtime.block_on(writer.write(numbered(0)))
        });
        attempts.recv().unwrap();
        writer.write(numbered(1)).await;
        let status = writer.status();
        assert_eq!((status.writable, status.pending), (false, 2));
        assert_eq!(
            status.error.unwrap(),
            "a write has been taking longer than 1ms"
        );
        writer.write(numbered(2)).await;

        allow.send(true).unwrap();
        allow.send(true).unwrap();
        stalled.join().unwrap();
        writer.close();
        assert_eq!(numbers(&memory), [0, 1, 2]);
        assert!(writer.status().writable);
    }
}
