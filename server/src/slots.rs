//! Who may have a connection open: the number is bounded in all, and for each address. Where there is no slot left, a silent
//! connection of the address that has the most gives way.

use crate::gate::one_subscriber;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// The part of the silent connections that gives way at once, so that they need not be looked through for each new one.
const PART: usize = 64;
/// How often a connection that waits for a slot looks for one that has become silent.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The slots of one listener.
#[derive(Debug)]
pub struct Slots {
    free: Arc<Semaphore>,
    per_client: usize,
    start: Instant,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    connections: HashMap<u64, (IpAddr, Arc<Activity>)>,
    by_client: HashMap<IpAddr, usize>,
}

/// What a connection is at.
#[derive(Debug)]
pub struct Activity {
    start: Instant,
    in_hand: AtomicBool,
    /// When something last left, in milliseconds from the start.
    spoke: AtomicU64,
    leaving: AtomicBool,
    asked_to_leave: Notify,
}

/// A connection's slot, until it is dropped.
#[derive(Debug)]
pub struct Slot {
    slots: Arc<Slots>,
    number: u64,
    pub activity: Arc<Activity>,
    _free: OwnedSemaphorePermit,
}

impl Slots {
    /// Slots that are all free.
    pub fn new(all: usize, per_client: usize) -> Arc<Self> {
        Arc::new(Self {
            free: Arc::new(Semaphore::new(all)),
            per_client,
            start: Instant::now(),
            open: Mutex::default(),
        })
    }

    /// Takes a slot for a connection from an address, as soon as there is one; `None` where the address has used up its own and
    /// none of its connections can give way.
    pub async fn take(self: &Arc<Self>, address: IpAddr) -> Option<Slot> {
        let client = one_subscriber(address);
        let used = self.open().by_client.get(&client).copied();
        if used.unwrap_or_default() >= self.per_client && !self.make_room(Some(client)) {
            return None;
        }
        let free = loop {
            match Arc::clone(&self.free).try_acquire_owned() {
                Ok(free) => break free,
                Err(_) => self.make_room(None),
            };
            let free = Arc::clone(&self.free).acquire_owned();
            if let Ok(Ok(free)) = tokio::time::timeout(LOOK_AGAIN, free).await {
                break free;
            }
        };
        let activity = Arc::new(Activity::new(self.start));
        let mut open = self.open();
        let number = open.next;
        open.next += 1;
        *open.by_client.entry(client).or_default() += 1;
        let entry = (client, Arc::clone(&activity));
        open.connections.insert(number, entry);
        Some(Slot {
            slots: Arc::clone(self),
            number,
            activity,
            _free: free,
        })
    }

    /// Asks silent connections to leave, of one client or of those who have the most, and says whether there are any. Those go first
    /// that have been silent for the longest.
    fn make_room(&self, client: Option<IpAddr>) -> bool {
        let open = self.open();
        let mut silent: Vec<(Reverse<usize>, u64, &Activity)> = open
            .connections
            .values()
            .filter(|(of, activity)| client.is_none_or(|it| it == *of) && activity.is_silent())
            .map(|(of, activity)| {
                let count = open.by_client.get(of).copied().unwrap_or_default();
                let spoke = activity.spoke.load(Ordering::Relaxed);
                (Reverse(count), spoke, &**activity)
            })
            .collect();
        if silent.is_empty() {
            return false;
        }
        let count = silent.len() / PART + 1;
        silent.select_nth_unstable_by_key(count - 1, |(count, spoke, _)| (*count, *spoke));
        for (.., activity) in &silent[..count] {
            activity.leaving.store(true, Ordering::Relaxed);
            activity.asked_to_leave.notify_one();
        }
        true
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Activity {
    fn new(start: Instant) -> Self {
        let activity = Self {
            start,
            in_hand: AtomicBool::new(false),
            spoke: AtomicU64::new(0),
            leaving: AtomicBool::new(false),
            asked_to_leave: Notify::new(),
        };
        activity.spoke();
        activity
    }

    /// A request has come in, or was answered.
    pub fn set_in_hand(&self, in_hand: bool) {
        self.in_hand.store(in_hand, Ordering::Relaxed);
    }

    /// Whether a request is being answered.
    pub fn is_in_hand(&self) -> bool {
        self.in_hand.load(Ordering::Relaxed)
    }

    /// A part of an answer has left.
    pub fn spoke(&self) {
        let passed = self.start.elapsed().as_millis();
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        self.spoke.store(passed, Ordering::Relaxed);
    }

    fn is_silent(&self) -> bool {
        !self.is_in_hand() && !self.is_leaving()
    }

    /// Whether it is to end with the answer at hand.
    pub fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    /// Resolves when another connection is in need of the slot.
    pub async fn asked_to_leave(&self) {
        self.asked_to_leave.notified().await;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.slots.open();
        let Some((client, _)) = open.connections.remove(&self.number) else {
            return;
        };
        if let Some(count) = open.by_client.get_mut(&client) {
            *count -= 1;
            if *count == 0 {
                open.by_client.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[tokio::test]
    async fn the_longest_silent_of_a_client_gives_way_and_not_what_is_in_hand() {
        let slots = Slots::new(10, 2);
        let first = slots.take(address(1)).await.unwrap();
        let second = slots.take(address(1)).await.unwrap();
        let other = slots.take(address(2)).await.unwrap();
        first.activity.set_in_hand(true);
        let third = slots.take(address(1)).await.unwrap();
        assert!(second.activity.is_leaving());
        assert!(second.activity.asked_to_leave().now_or_never().is_some());
        assert!(!first.activity.is_leaving() && !other.activity.is_leaving());
        drop(second);
        third.activity.set_in_hand(true);
        assert!(slots.take(address(1)).await.is_none());
        drop(third);
        assert!(slots.take(address(1)).await.is_some());
        drop((first, other));
        assert!(slots.open().connections.is_empty() && slots.open().by_client.is_empty());
    }

    #[tokio::test]
    async fn the_client_with_the_most_connections_makes_room_for_the_others() {
        let slots = Slots::new(4, 4);
        let lone = slots.take(address(1)).await.unwrap();
        let mut many = Vec::new();
        for _ in 0..3 {
            many.push(slots.take(address(2)).await.unwrap());
        }
        let new = slots.take(address(3));
        let leaves = async {
            many[0].activity.asked_to_leave().await;
            drop(many.remove(0));
        };
        let (new, ()) = tokio::join!(new, leaves);
        assert!(new.is_some() && !lone.activity.is_leaving());
    }

    #[tokio::test]
    async fn a_full_house_makes_room_or_waits() {
        let slots = Slots::new(2, 2);
        let first = slots.take(address(1)).await.unwrap();
        let second = slots.take(address(2)).await.unwrap();
        first.activity.set_in_hand(true);
        second.activity.set_in_hand(true);
        let mut third = Box::pin(slots.take(address(3)));
        assert!((&mut third).now_or_never().is_none());
        assert!(!first.activity.is_leaving() && !second.activity.is_leaving());
        // The first has answered, so that it is asked at the next look.
        first.activity.set_in_hand(false);
        let leaves = async {
            first.activity.asked_to_leave().await;
            drop(first);
        };
        let (third, ()) = tokio::join!(third, leaves);
        assert!(third.is_some() && !second.activity.is_leaving());
    }
}
