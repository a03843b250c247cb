//! What the usage log costs: a prediction by id over one connection, with the log and without, alternating; medians.
//!
//! Run it on the first core: the servers run on the second, as if the client were another machine. Left to itself the
//! kernel moves client and server together and apart, which changes the time fivefold.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

const ROUNDS: usize = 40;
const REQUESTS: usize = 500;

/// A server beside this example's binary, killed when it is no longer needed.
struct Home {
    process: Child,
    url: String,
}

impl Home {
    fn start(usage_log: &str) -> Result<Self, Box<dyn Error>> {
        let server = std::env::current_exe()?.with_file_name("../server");
        let mut process = Command::new("taskset")
            .args(["--cpu-list", "1"])
            .arg(server)
            .env("PORT", "0")
            .env("LOG_LEVEL", "error")
            .env("USAGE_LOG", usage_log)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().ok_or("no stdout")?).read_line(&mut line)?;
        let base = line.split_whitespace().last().ok_or("no address")?;
        let list: serde_json::Value = ureq::get(format!("{base}/v1/summary?limit=1"))
            .call()?
            .body_mut()
            .read_json()?;
        let id = list["items"][0]["customer_id"]
            .as_str()
            .ok_or("no customer")?;
        Ok(Self {
            process,
            url: format!("{base}/v1/predict/{id}"),
        })
    }

    /// Microseconds per request.
    fn round(&self, agent: &ureq::Agent) -> Result<f64, Box<dyn Error>> {
        let start = Instant::now();
        for _ in 0..REQUESTS {
            agent.get(&self.url).call()?.body_mut().read_to_string()?;
        }
        Ok(start.elapsed().as_secs_f64() * 1e6 / REQUESTS as f64)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("usage.log");
    let with = Home::start(path.to_str().ok_or("a path that is not UTF-8")?)?;
    let without = Home::start("off")?;
    let agents = [
        ureq::Agent::new_with_defaults(),
        ureq::Agent::new_with_defaults(),
    ];
    let (mut logged, mut silent) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        logged.push(with.round(&agents[0])?);
        silent.push(without.round(&agents[1])?);
    }
    let (logged, silent) = (median(&mut logged), median(&mut silent));
    println!(
        "predict by id, one connection   with the log {logged:.1} µs   without {silent:.1} µs   ratio {:.3} (bound 1.15)",
        logged / silent
    );
    Ok(())
}
