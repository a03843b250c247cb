//! A memory cgroup of one's own, of version 1 or 2, where this machine lets one be made.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = "/sys/fs/cgroup";

/// A cgroup that bounds the memory of what is started in it. It must outlive its processes.
pub struct Cgroup {
    folder: PathBuf,
    version_1: bool,
}

impl Cgroup {
    /// Makes one below the cgroup of this process.
    pub fn with_memory(bytes: u64) -> io::Result<Self> {
        Self::make(bytes, true).or_else(|_| Self::make(bytes, false))
    }

    fn make(bytes: u64, version_1: bool) -> io::Result<Self> {
        let own = fs::read_to_string("/proc/self/cgroup")?;
        let own = own.lines().find_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            let wanted = match version_1 {
                true => controllers.split(',').any(|name| name == "memory"),
                false => controllers.is_empty(),
            };
            wanted.then(|| path.trim_start_matches('/').to_owned())
        });
        let own = own.ok_or(io::ErrorKind::NotFound)?;
        let mount = Path::new(ROOT).join(if version_1 { "memory" } else { "" });
        let folder = mount
            .join(own)
            .join(format!("engagetrack-{}", std::process::id()));
        fs::create_dir(&folder)?;
        let made = Self { folder, version_1 };
        let limit = made.file("memory.limit_in_bytes", "memory.max");
        // Without the controller the folder has no such file, and none can be made there.
        fs::OpenOptions::new().write(true).open(&limit)?;
        fs::write(limit, bytes.to_string())?;
        Ok(made)
    }

    fn file(&self, version_1: &str, version_2: &str) -> PathBuf {
        self.folder.join(match self.version_1 {
            true => version_1,
            false => version_2,
        })
    }

    /// A command that runs a program inside.
    pub fn command(&self, program: &str) -> Command {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "echo $$ > \"$0\" && exec \"$1\""])
            .arg(self.folder.join("cgroup.procs"))
            .arg(program);
        shell
    }

    /// How many processes the kernel has killed for want of memory.
    pub fn kills(&self) -> u64 {
        let events = self.file("memory.oom_control", "memory.events");
        let events = fs::read_to_string(events).unwrap();
        let kills = events
            .lines()
            .find_map(|line| line.strip_prefix("oom_kill "));
        kills.unwrap().parse().unwrap()
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // It may still hold a process that is about to end.
        let _ = fs::remove_dir(&self.folder);
    }
}
