//! The memory that bodies may take: all of them together, those of one client, and what is worked out from them.

use crate::Problem;
use crate::problem::Kind;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// Bytes up to which a body costs nothing: they belong to what its connection takes.
pub const FREE: usize = 16 << 10;

/// Bytes that are held for each byte of a request's body: the body itself, and the answer, which may repeat it.
const BODY_AND_ANSWER: usize = 2;
/// Bytes that are used while a byte of a body is being worked on, beside those.
const WORKING: usize = 8;
/// Bytes up to which a body is worked on at once: what starting a thread costs is not worth it.
const AT_ONCE: usize = 64 << 10;
/// What an answer about all customers counts for, in bytes of a body.
const OF_ALL_CUSTOMERS: usize = 256 << 10;
/// What the working memory is counted in, because a semaphore counts to 2³² only on some platforms.
const UNIT: usize = 1 << 10;

/// Seconds after which it is worth to try again.
const RETRY_AFTER_S: u32 = 1;

/// How much memory may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes by all bodies.
    pub bodies: usize,
    /// Bytes by the bodies of one client.
    pub client: usize,
    /// Bytes by what is worked on.
    pub working: usize,
    /// How many bodies may be worked on at a time.
    pub workers: NonZeroUsize,
}

/// The memory for bodies of one server.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Books>);

#[derive(Debug)]
struct Books {
    limits: Limits,
    held: Mutex<Held>,
    working: Arc<Semaphore>,
    workers: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Held {
    total: usize,
    by_client: HashMap<Option<IpAddr>, usize>,
}

/// What one request holds. The home puts it into the request's extensions, and keeps a clone until the answer has left.
#[derive(Clone, Debug)]
pub struct Account(Arc<Entry>);

#[derive(Debug)]
struct Entry {
    books: Arc<Books>,
    client: Option<IpAddr>,
    bytes: Mutex<usize>,
    arrived: AtomicBool,
}

/// Works out what is about all customers, where the threads that serve connections don't wait for it.
#[derive(Debug)]
pub struct Worker(Option<Account>);

impl<S: Sync> FromRequestParts<S> for Worker {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get().cloned()))
    }
}

impl Worker {
    /// Works it out; at once in a home without a budget, which takes one request at a time.
    pub async fn work<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> T {
        match self.0 {
            Some(account) => account.work(OF_ALL_CUSTOMERS, work).await,
            None => work(),
        }
    }
}

impl Budget {
    /// A budget of which nothing is spent.
    pub fn new(limits: Limits) -> Self {
        Self(Arc::new(Books {
            limits,
            held: Mutex::default(),
            working: Arc::new(Semaphore::new(limits.working / UNIT)),
            workers: Arc::new(Semaphore::new(limits.workers.get())),
        }))
    }

    /// Opens the account of a request, empty; `None` stands for clients without an address.
    pub fn account(&self, client: Option<IpAddr>) -> Account {
        Account(Arc::new(Entry {
            books: Arc::clone(&self.0),
            client,
            bytes: Mutex::default(),
            arrived: AtomicBool::new(false),
        }))
    }

    /// The bytes that are held now.
    pub fn held(&self) -> usize {
        self.0.held().total
    }
}

impl Books {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    /// Holds room for a request's body of this many bytes and for its answer, in place of what was held before.
    ///
    /// # Errors
    /// 429 where the client's share has not that much left, 503 where the budget has not.
    pub fn hold_body(&self, bytes: usize) -> Result<(), Problem> {
        self.hold(bytes, BODY_AND_ANSWER)
    }

    /// Holds an answer of this many bytes, in place of what was held before.
    ///
    /// # Errors
    /// 429 where the client's share has not that much left, 503 where the budget has not.
    pub fn hold_answer(&self, bytes: usize) -> Result<(), Problem> {
        self.hold(bytes, 1)
    }

    fn hold(&self, bytes: usize, times: usize) -> Result<(), Problem> {
        let wanted = if bytes > FREE { bytes * times } else { 0 };
        let Entry { books, client, .. } = &*self.0;
        let mut own = self.0.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted == *own {
            return Ok(());
        }
        let mut held = books.held();
        let of_client = held.by_client.get(client).copied().unwrap_or_default() - *own + wanted;
        let total = held.total - *own + wanted;
        // What gives something back is never refused.
        if wanted > *own && of_client > books.limits.client {
            return Err(share_used_up(books.limits.client));
        }
        if wanted > *own && total > books.limits.bodies {
            return Err(budget_used_up());
        }
        held.total = total;
        if of_client == 0 {
            held.by_client.remove(client);
        } else {
            held.by_client.insert(*client, of_client);
        }
        *own = wanted;
        Ok(())
    }

    /// Notes that the body has arrived.
    pub(crate) fn arrived(&self) {
        self.0.arrived.store(true, Ordering::Relaxed);
    }

    /// Whether the body has arrived, so that the server is what the client waits for.
    pub fn has_arrived(&self) -> bool {
        self.0.arrived.load(Ordering::Relaxed)
    }

    /// Works on a body: at once where it is small, else on a thread of its own, as soon as working memory and a worker are
    /// free, so that the threads which serve connections stay free for the others.
    pub(crate) async fn work<T: Send + 'static>(
        self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        if bytes <= AT_ONCE {
            return work();
        }
        let books = &self.0.books;
        let all = books.limits.working / UNIT;
        let units = (bytes * WORKING / UNIT).min(all);
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        let memory = Arc::clone(&books.working).acquire_many_owned(units).await;
        let worker = Arc::clone(&books.workers).acquire_owned().await;
        let worked = tokio::task::spawn_blocking(move || {
            let done = work();
            // Until here, also when the client has gone.
            drop((memory, worker, self));
            done
        });
        match worked.await {
            Ok(done) => done,
            // It is never cancelled, so that it must have panicked.
            Err(error) => resume_unwind(error.into_panic()),
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let own = *self.bytes.get_mut().unwrap_or_else(PoisonError::into_inner);
        if own == 0 {
            return;
        }
        let mut held = self.books.held();
        held.total -= own;
        let left = held.by_client.get(&self.client).map_or(0, |all| all - own);
        if left == 0 {
            held.by_client.remove(&self.client);
        } else {
            held.by_client.insert(self.client, left);
        }
    }
}

fn share_used_up(share: usize) -> Problem {
    Problem::new(Kind::ClientShareUsedUp, format!(
            "The bodies and answers that this client has in hand may take {share} bytes together; wait for its other \
             requests, or send less at a time."
        ),
    )
    .retry_after(RETRY_AFTER_S)
}

fn budget_used_up() -> Problem {
    Problem::new(Kind::Overloaded, "The bodies and answers in hand take all the memory that there is for them; try again soon.",
    )
    .retry_after(RETRY_AFTER_S)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::sync::mpsc;

    fn budget(bodies: usize, client: usize) -> Budget {
        Budget::new(Limits {
            bodies,
            client,
            working: 1 << 20,
            workers: NonZeroUsize::MIN,
        })
    }

    fn client(last: u8) -> Option<IpAddr> {
        Some([192, 0, 2, last].into())
    }

    #[test]
    fn a_small_body_costs_nothing() {
        let budget = budget(0, 0);
        let account = budget.account(client(1));
        account.hold_body(FREE).unwrap();
        account.hold_answer(FREE).unwrap();
        assert_eq!(budget.held(), 0);
        assert!(account.hold_body(FREE + 1).is_err());
    }

    #[test]
    fn a_client_has_its_share_and_all_have_the_budget() {
        let budget = budget(500_000, 200_000);
        let first = budget.account(client(1));
        first.hold_body(100_000).unwrap();
        let refusal = |refused: Result<(), Problem>| refused.unwrap_err().status().as_u16();
        assert_eq!(refusal(budget.account(client(1)).hold_body(20_000)), 429);
        let (second, third) = (budget.account(client(2)), budget.account(client(3)));
        second.hold_body(100_000).unwrap();
        assert_eq!(refusal(third.hold_body(60_000)), 503);
        third.hold_body(50_000).unwrap();
        assert_eq!(budget.held(), 500_000);
        // The answer takes the place of the body.
        first.hold_answer(20_000).unwrap();
        assert_eq!(budget.held(), 320_000);
        drop((first, second, third));
        assert_eq!(budget.held(), 0);
        assert!(budget.0.held().by_client.is_empty());
    }

    #[tokio::test]
    async fn large_work_waits_for_a_worker_and_holds_its_account_to_the_end() {
        let budget = budget(1 << 20, 1 << 20);
        let (go, wait) = mpsc::channel::<()>();
        let account = budget.account(client(1));
        account.hold_body(100_000).unwrap();
        let first = tokio::spawn(account.work(100_000, move || wait.recv()));
        let mut second = Box::pin(budget.account(client(1)).work(100_000, || "done"));
        while budget.0.workers.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!((&mut second).now_or_never().is_none());
        // The client goes away: the work does not.
        first.abort();
        assert!((&mut second).now_or_never().is_none());
        assert_eq!(budget.held(), 200_000);
        go.send(()).unwrap();
        assert_eq!(second.await, "done");
        assert_eq!(budget.held(), 0);
    }

    #[tokio::test]
    #[should_panic = "the work's own"]
    async fn a_panic_at_work_is_the_requests() {
        let account = budget(0, 0).account(None);
        account.work(AT_ONCE + 1, || panic!("the work's own")).await
    }
}
