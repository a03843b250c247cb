//! How much memory the server may take, and what for.

use std::cell::Cell;
use std::fs;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};
use web::body::CSV_LIMIT;
use web::budget::Limits;

/// What holds where nothing sets a limit.
const USUAL: usize = 1 << 30;
/// From here on a number means that there is no limit: version 1 of cgroups writes the largest that is a multiple of a page.
const UNLIMITED: usize = usize::MAX / 4;
/// The least that the server can do with.
pub const LEAST: usize = 64 << 20;

/// What an open connection may take: a head that has not ended, small bodies, the buffers on both sides.
const CONNECTION: usize = 64 << 10;
/// Most connections that are worth it.
const MOST_CONNECTIONS: usize = 16_384;

/// How often freed memory is given back.
const GIVE_BACK_EVERY: Duration = Duration::from_secs(5);
/// More than any process can address.
const IMPOSSIBLE: usize = 1 << 50;

/// Has the memory given back that was freed by this thread, or of what it had allocated by others; now and then only, so that it may be
/// called whenever the thread has nothing to do.
///
/// mimalloc keeps such memory until the thread allocates again, so that an idle server would keep what its busiest minute took. But
/// it gives all of it back before it says that there is not enough.
pub fn give_back() {
    thread_local! {
        static LAST: Cell<Option<Instant>> = const { Cell::new(None) };
    }
    let now = Instant::now();
    let is_due = |last: Instant| now.duration_since(last) >= GIVE_BACK_EVERY;
    if LAST.get().is_none_or(is_due) {
        LAST.set(Some(now));
        let mut never = Vec::<u8>::new();
        let _ = black_box(&mut never).try_reserve_exact(black_box(IMPOSSIBLE));
    }
}

/// Wakes idle threads now and then, for ever, so that they look for what they can give back.
pub async fn keep_giving_back() {
    loop {
        tokio::time::sleep(GIVE_BACK_EVERY).await;
        for _ in 0..cores() {
            tokio::spawn(async {});
        }
    }
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Half of the memory is for connections, a quarter for bodies and answers, an eighth for work on them. The last eighth is for
/// the model, the customers, and what the allocator keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory(usize);

impl Memory {
    /// This number of bytes, but not fewer than the server needs.
    pub fn of(bytes: usize) -> Self {
        Self(bytes.max(LEAST))
    }

    /// What the process's cgroup allows, or what is usual.
    pub fn of_this_process() -> Self {
        let cgroups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Self::of(limit(Path::new("/sys/fs/cgroup"), &cgroups).unwrap_or(USUAL))
    }

    /// How many connections may be open.
    pub fn connections(self) -> usize {
        (self.0 / 2 / CONNECTION).min(MOST_CONNECTIONS)
    }

    /// What bodies, and work on them, may take.
    pub fn limits(self) -> Limits {
        let bodies = self.0 / 4;
        Limits {
            bodies,
            // At least the largest body with its answer.
            client: (bodies / 4).max(2 * CSV_LIMIT),
            working: self.0 / 8,
            // One core is left for everything else.
            workers: NonZeroUsize::new(cores() - 1).unwrap_or(NonZeroUsize::MIN),
        }
    }
}

/// The least limit of the cgroups that a process is in, with those around them. `cgroups` is what `/proc/self/cgroup` says,
/// `root` the folder in which cgroups are mounted: version 2 there, version 1 by controller.
fn limit(root: &Path, cgroups: &str) -> Option<usize> {
    let limits = cgroups.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let (mount, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes")
            }
            _ => return None,
        };
        // In a container the path may be the host's, and its own cgroup the one that is mounted.
        let inside: PathBuf = mount.join(path.trim_start_matches('/'));
        let around = inside
            .ancestors()
            .take_while(|folder| folder.starts_with(&mount));
        around
            .filter_map(|folder| {
                let text = fs::read_to_string(folder.join(file)).ok()?;
                text.trim().parse().ok()
            })
            .filter(|bytes| *bytes < UNLIMITED)
            .min()
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cgroup(root: &Path, file: &str, content: &str) {
        let file = root.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }

    #[test]
    fn the_least_limit_of_the_cgroups_around_holds() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        assert_eq!(limit(root, "0::/pod/server\n"), None);
        cgroup(root, "pod/server/memory.max", "max\n");
        assert_eq!(limit(root, "0::/pod/server\n"), None);
        cgroup(root, "pod/memory.max", "402653184\n");
        assert_eq!(limit(root, "0::/pod/server\n"), Some(384 << 20));

        cgroup(
            root,
            "memory/memory.limit_in_bytes",
            "9223372036854771712\n",
        );
        cgroup(root, "memory/a/memory.limit_in_bytes", "268435456\n");
        let both = "4:cpu,memory:/a/b\n0::/pod/server\n";
        assert_eq!(limit(root, both), Some(256 << 20));
        // The path of the host, where the container's own cgroup is mounted.
        let hosts = "4:memory:/docker/0123\n";
        assert_eq!(limit(root, hosts), None);
        cgroup(root, "memory/memory.limit_in_bytes", "402653184\n");
        assert_eq!(limit(root, hosts), Some(384 << 20));
    }

    #[test]
    fn what_is_given_out_is_less_than_there_is() {
        for mebibytes in [0, 64, 128, 384, 4_096] {
            let memory = Memory::of(mebibytes << 20);
            let limits = memory.limits();
            let given = memory.connections() * CONNECTION + limits.bodies + limits.working;
            assert!(given <= memory.0 / 8 * 7, "{memory:?}: {given}");
            assert!(limits.client <= limits.bodies && limits.client >= 2 * CSV_LIMIT);
        }
        assert_eq!(Memory::of(384 << 20).connections(), 3_072);
        assert_eq!(Memory::of(4 << 30).connections(), 16_384);
    }
}
