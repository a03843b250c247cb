//! What the environment sets, in one table: it parses, `--help` prints it, and `docs/server.md` repeats it.

use crate::claim::Claim;
use crate::host::AllowedHosts;
use crate::memory::{self, Memory};
use axum::http::Uri;
use std::fmt::{self, Write};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use workspace::compile::Intake;

/// One environment variable.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The value that holds when it is unset or empty; empty for "nothing".
    pub default: &'static str,
    /// What it sets, with its unit.
    pub meaning: &'static str,
}

const fn variable(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable {
        name,
        default,
        meaning,
    }
}

/// Every variable that the server reads.
#[rustfmt::skip]
pub const VARIABLES: &[Variable] = &[
    variable("HOST", "127.0.0.1", "address to listen on; 0.0.0.0 for all of them"),
    variable("PORT", "8080", "port to listen on; 0 for any free one"),
    variable("ALLOWED_HOSTS", "", "host names to answer under, comma-separated, or * for all; when unset the loopback names on a loopback address, else all"),
    variable("HEALTH_PORT", "", "port of a second listener, for /healthz, /readyz and /metrics alone; none when unset"),
    variable("WORKSPACE", "", "the business to serve: a folder, which is compiled, or a compiled file; the one in the program when unset"),
    variable("DASHBOARD_DIR", "dashboard/dist", "folder of the built dashboard"),
    variable("LOG_LEVEL", "info", "what the diagnostic log on standard error holds: error, warn, info, debug or trace"),
    variable("USAGE_LOG", "logs/usage.log", "the usage log: a path, stdout or off"),
    variable("USAGE_LOG_KEY", "", "the usage log's secret; random for this process when unset"),
    variable("USAGE_LOG_KEY_ID", "", "the name by which its lines refer to the key; derived from the key when unset"),
    variable("USAGE_LOG_MAX_BYTES", "67108864", "bytes from which on the usage log's file is rotated"),
    variable("OIDC_ISSUER", "", "OpenID Connect issuer whose tokens /v1 wants; nobody has to sign in when unset"),
    variable("OIDC_AUDIENCE", "", "audience that a token must be for; wanted with OIDC_ISSUER"),
    variable("OIDC_CLIENT_ID", "", "name by which the issuer knows the dashboard; it signs nobody in when unset"),
    variable("OIDC_EXPORT_CLAIM", "", "claim, or claim=value, without which a token does not download lists; every token does when unset"),
    variable("OIDC_SCOPE", "openid", "what the dashboard asks the issuer for"),
    variable("RATE_LIMIT", "", "requests per second that each client may make; no limit when unset"),
    variable("RATE_LIMIT_BURST", "", "requests that a client may make at once; as many as RATE_LIMIT when unset"),
    variable("TRUSTED_PROXIES", "0", "proxies in front whose x-forwarded-for is believed when telling clients apart"),
    variable("MEMORY_LIMIT", "", "bytes of memory that the server may take; its cgroup's limit when unset, 1 GiB where there is none"),
    variable("MAX_CONNECTIONS", "", "open connections; one for each 128 KiB of memory when unset, at most 16,384"),
    variable("MAX_CONNECTIONS_PER_CLIENT", "", "open connections of one address; a quarter of all when unset, or all behind TRUSTED_PROXIES"),
    variable("MAX_REQUESTS", "4096", "requests in hand; more are answered 503"),
    variable("HEADER_TIMEOUT", "30", "seconds for the headers of a request, and that a connection may be idle"),
    variable("REQUEST_TIMEOUT", "30", "seconds for the rest of a request; then it is answered 408"),
    variable("WRITE_TIMEOUT", "30", "seconds that a client may leave sent bytes unacknowledged"),
    variable("DRAIN", "1", "seconds after SIGTERM in which requests are still taken while clients are told to go elsewhere"),
    variable("STOP_TIMEOUT", "20", "seconds after that for the requests in hand"),
];

/// How the server is set up; [`VARIABLES`] says what each field but `intake` means, which the command line sets.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Settings {
    pub host: String,
    pub port: u16,
    pub allowed_hosts: Option<AllowedHosts>,
    pub health_port: Option<u16>,
    pub workspace: Option<PathBuf>,
    pub intake: Intake,
    pub dashboard: PathBuf,
    pub usage_log: PathBuf,
    pub sign_in: Option<SignIn>,
    pub rate_limit: Option<RateLimit>,
    pub trusted_proxies: usize,
    pub memory: Memory,
    pub max_connections: usize,
    pub max_connections_per_client: usize,
    pub max_requests: usize,
    pub header_timeout: Duration,
    pub request_timeout: Duration,
    pub write_timeout: Duration,
    pub drain: Duration,
    pub stop_timeout: Duration,
}

/// Who says who somebody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// The OpenID Connect issuer, as its tokens name it.
    pub issuer: String,
    /// Whom a token must be for.
    pub audience: String,
    /// The name by which the issuer knows the dashboard, where the dashboard signs people in.
    pub client_id: Option<String>,
    /// What the dashboard asks for.
    pub scope: String,
    /// Without this a token does not download lists.
    pub export_claim: Option<Claim>,
}

/// How many requests a client may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// In each second, in the long run.
    pub per_second: NonZeroU32,
    /// At once.
    pub burst: NonZeroU32,
}

/// A variable whose value can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSetting {
    name: &'static str,
    value: String,
    wanted: &'static str,
}

impl fmt::Display for InvalidSetting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            value,
            wanted,
        } = self;
        write!(formatter, "{name} must be {wanted}, got {value:?}")
    }
}

impl std::error::Error for InvalidSetting {}

impl Settings {
    /// Reads the settings from the environment.
    ///
    /// # Errors
    /// The first variable whose value can't be used.
    pub fn from_env() -> Result<Self, InvalidSetting> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// Reads the settings from variables, as `lookup` gives them.
    ///
    /// # Errors
    /// The first variable whose value can't be used.
    pub fn from_variables(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidSetting> {
        let source = Source(&lookup);
        let memory = source.memory()?;
        let trusted_proxies = source.parsed("TRUSTED_PROXIES", "a number of proxies")?;
        let max_connections = source.optional("MAX_CONNECTIONS", Source::count)?;
        let max_connections = max_connections.unwrap_or(memory.connections());
        let of_a_client = source.optional("MAX_CONNECTIONS_PER_CLIENT", Source::count)?;
        Ok(Self {
            host: source.text("HOST"),
            port: source.port("PORT")?,
            health_port: source.optional("HEALTH_PORT", Source::port)?,
            allowed_hosts: source.allowed_hosts()?,
            intake: Intake::default(),
            workspace: source.optional("WORKSPACE", |source, name| Ok(source.text(name).into()))?,
            dashboard: source.text("DASHBOARD_DIR").into(),
            usage_log: source.text("USAGE_LOG").into(),
            sign_in: source.sign_in()?,
            rate_limit: source.rate_limit()?,
            trusted_proxies,
            memory,
            max_connections,
            max_connections_per_client: of_a_client.unwrap_or(match trusted_proxies {
                0 => max_connections.div_ceil(4),
                // The proxies are the only addresses that are seen, and bound their own clients.
                _ => max_connections,
            }),
            max_requests: source.count("MAX_REQUESTS")?,
            header_timeout: source.seconds("HEADER_TIMEOUT")?,
            request_timeout: source.seconds("REQUEST_TIMEOUT")?,
            write_timeout: source.seconds("WRITE_TIMEOUT")?,
            drain: source.seconds("DRAIN")?,
            stop_timeout: source.seconds("STOP_TIMEOUT")?,
        })
    }
}

/// Where the values come from, with the table's defaults behind it.
struct Source<'l>(&'l dyn Fn(&str) -> Option<String>);

impl Source<'_> {
    fn text(&self, name: &str) -> String {
        let given = (self.0)(name).filter(|value| !value.is_empty());
        given.unwrap_or_else(|| {
            let known = VARIABLES.iter().find(|variable| variable.name == name);
            known.map_or("", |variable| variable.default).to_owned()
        })
    }

    fn parsed<T: FromStr>(
        &self,
        name: &'static str,
        wanted: &'static str,
    ) -> Result<T, InvalidSetting> {
        let value = self.text(name);
        value.parse().map_err(|_| InvalidSetting {
            name,
            value,
            wanted,
        })
    }

    /// Reads a variable that means something only where it is set.
    fn optional<T>(
        &self,
        name: &'static str,
        read: impl Fn(&Self, &'static str) -> Result<T, InvalidSetting>,
    ) -> Result<Option<T>, InvalidSetting> {
        match self.text(name).is_empty() {
            true => Ok(None),
            false => read(self, name).map(Some),
        }
    }

    fn port(&self, name: &'static str) -> Result<u16, InvalidSetting> {
        self.parsed(name, "a port from 0 to 65535")
    }

    fn memory(&self) -> Result<Memory, InvalidSetting> {
        const WANTED: &str = "a number of bytes, at least 67108864";
        let given = self.optional("MEMORY_LIMIT", |source, name| source.parsed(name, WANTED))?;
        match given {
            None => Ok(Memory::of_this_process()),
            Some(bytes) if bytes >= memory::LEAST => Ok(Memory::of(bytes)),
            Some(bytes) => Err(InvalidSetting {
                name: "MEMORY_LIMIT",
                value: bytes.to_string(),
                wanted: WANTED,
            }),
        }
    }

    fn count(&self, name: &'static str) -> Result<usize, InvalidSetting> {
        // As wide as a semaphore's permits need it: some platforms have fewer than 64 bits.
        self.parsed::<NonZeroU32>(name, "a positive number")
            .map(|count| count.get() as usize)
    }

    fn seconds(&self, name: &'static str) -> Result<Duration, InvalidSetting> {
        let wanted = "a number of seconds, such as 30 or 0.5";
        let seconds: f64 = self.parsed(name, wanted)?;
        Duration::try_from_secs_f64(seconds).map_err(|_| InvalidSetting {
            name,
            value: self.text(name),
            wanted,
        })
    }

    fn allowed_hosts(&self) -> Result<Option<AllowedHosts>, InvalidSetting> {
        if self.text("ALLOWED_HOSTS").is_empty() {
            return Ok(None);
        }
        let wanted = "host names or addresses without ports, separated by commas, or *";
        self.parsed("ALLOWED_HOSTS", wanted).map(Some)
    }

    fn sign_in(&self) -> Result<Option<SignIn>, InvalidSetting> {
        let issuer = self.text("OIDC_ISSUER");
        let export_claim = self.text("OIDC_EXPORT_CLAIM");
        if issuer.is_empty() {
            return match export_claim.is_empty() {
                true => Ok(None),
                false => Err(InvalidSetting {
                    name: "OIDC_EXPORT_CLAIM",
                    value: export_claim,
                    wanted: "unset where OIDC_ISSUER is",
                }),
            };
        }
        if !is_confidential(&issuer) {
            return Err(InvalidSetting {
                name: "OIDC_ISSUER",
                value: issuer,
                wanted: "an https address",
            });
        }
        let audience = self.text("OIDC_AUDIENCE");
        if audience.is_empty() {
            return Err(InvalidSetting {
                name: "OIDC_AUDIENCE",
                value: audience,
                wanted: "set where OIDC_ISSUER is",
            });
        }
        Ok(Some(SignIn {
            issuer,
            audience,
            client_id: Some(self.text("OIDC_CLIENT_ID")).filter(|id| !id.is_empty()),
            scope: self.text("OIDC_SCOPE"),
            export_claim: Some(export_claim)
                .filter(|claim| !claim.is_empty())
                .map(|claim| Claim::named(&claim)),
        }))
    }

    fn rate_limit(&self) -> Result<Option<RateLimit>, InvalidSetting> {
        if self.text("RATE_LIMIT").is_empty() {
            return Ok(None);
        }
        let per_second = self.parsed("RATE_LIMIT", "a positive number of requests")?;
        let burst = if self.text("RATE_LIMIT_BURST").is_empty() {
            per_second
        } else {
            self.parsed("RATE_LIMIT_BURST", "a positive number of requests")?
        };
        Ok(Some(RateLimit { per_second, burst }))
    }
}

/// Whether nobody on the way can change what comes from an address: https, or this machine itself.
pub(crate) fn is_confidential(address: &str) -> bool {
    address.parse::<Uri>().is_ok_and(|uri| {
        let this_machine = matches!(uri.host(), Some("127.0.0.1" | "localhost" | "[::1]"));
        uri.host().is_some()
            && (uri.scheme_str() == Some("https")
                || uri.scheme_str() == Some("http") && this_machine)
    })
}

/// What `--help` prints.
pub fn help() -> String {
    format!(
        "EngageTrack AI: predictions, explanations, nudges, analytics and summaries over HTTP, with their dashboard.\n\n\
         Usage: server [--help | --health]\n\n\
         --health  asks the server that runs under the same settings whether it is alive; exit code 0 if so, else 1\n\n\
         The environment sets:\n\n{}",
        environment()
    )
}

/// The variables with their meanings and defaults, a line each.
pub fn environment() -> String {
    let mut text = String::new();
    for Variable {
        name,
        default,
        meaning,
    } in VARIABLES
    {
        let default = match *default {
            "" => String::new(),
            default => format!(" [{default}]"),
        };
        // Writing to a string can't fail.
        let _ = writeln!(text, "  {name:<20} {meaning}{default}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &'static str) -> Result<Settings, InvalidSetting> {
        Settings::from_variables(|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn unset_and_empty_variables_mean_the_default() {
        for settings in [with("", ""), with("PORT", ""), with("RATE_LIMIT", "")] {
            let settings = settings.unwrap();
            assert_eq!((settings.host.as_str(), settings.port), ("127.0.0.1", 8080));
            assert_eq!(settings.rate_limit, None);
        }
    }

    #[test]
    fn a_burst_is_as_large_as_the_rate_unless_it_is_given() {
        let limit = with("RATE_LIMIT", "7").unwrap().rate_limit.unwrap();
        assert_eq!((limit.per_second.get(), limit.burst.get()), (7, 7));
    }

    #[test]
    fn connections_are_as_many_as_memory_and_proxies_allow() {
        let settings = |variables: &[(&str, &str)]| {
            let value = |asked: &str| variables.iter().find(|(name, _)| *name == asked);
            Settings::from_variables(|asked| value(asked).map(|(_, value)| (*value).to_owned()))
        };
        let connections = |variables: &[(&str, &str)]| {
            let settings = settings(variables).unwrap();
            (
                settings.max_connections,
                settings.max_connections_per_client,
            )
        };
        let memory = ("MEMORY_LIMIT", "402653184");
        assert_eq!(connections(&[memory]), (3_072, 768));
        let proxy = ("TRUSTED_PROXIES", "1");
        assert_eq!(connections(&[memory, proxy]), (3_072, 3_072));
        let all = ("MAX_CONNECTIONS", "50000");
        assert_eq!(connections(&[memory, all]), (50_000, 12_500));
        let one = ("MAX_CONNECTIONS_PER_CLIENT", "7");
        assert_eq!(connections(&[memory, proxy, one]), (3_072, 7));
    }

    #[test]
    fn what_can_not_be_used_is_named() {
        let refusal = |name, value| with(name, value).unwrap_err().to_string();
        assert_eq!(
            refusal("PORT", "70000"),
            "PORT must be a port from 0 to 65535, got \"70000\""
        );
        assert_eq!(
            refusal("MAX_REQUESTS", "0"),
            "MAX_REQUESTS must be a positive number, got \"0\""
        );
        assert_eq!(
            refusal("MEMORY_LIMIT", "1000"),
            "MEMORY_LIMIT must be a number of bytes, at least 67108864, got \"1000\""
        );
        assert!(refusal("HEALTH_PORT", "high").starts_with("HEALTH_PORT must be a port"));
        for value in ["-1", "NaN", "soon", "1e300"] {
            assert_eq!(
                refusal("DRAIN", value),
                format!("DRAIN must be a number of seconds, such as 30 or 0.5, got {value:?}")
            );
        }
        assert!(refusal("RATE_LIMIT", "0").starts_with("RATE_LIMIT must be"));
        assert_eq!(
            refusal("ALLOWED_HOSTS", "example.com:8080"),
            "ALLOWED_HOSTS must be host names or addresses without ports, separated by commas, or *, got \"example.com:8080\""
        );
    }

    #[test]
    fn signing_in_takes_a_confidential_issuer_and_an_audience() {
        let with = |issuer: &str, audience: &str| {
            Settings::from_variables(|asked| match asked {
                "OIDC_ISSUER" => Some(issuer.to_owned()),
                "OIDC_AUDIENCE" => Some(audience.to_owned()),
                _ => None,
            })
        };
        let sign_in = with("https://id.example.com/realm", "api").unwrap().sign_in;
        assert_eq!(sign_in.unwrap().scope, "openid");
        assert!(with("http://localhost:9999", "api").is_ok());
        for issuer in ["http://id.example.com", "id.example.com", "https://"] {
            let refusal = with(issuer, "api").unwrap_err().to_string();
            assert_eq!(
                refusal,
                format!("OIDC_ISSUER must be an https address, got {issuer:?}")
            );
        }
        let refusal = with("https://id.example.com", "").unwrap_err().to_string();
        assert_eq!(
            refusal,
            "OIDC_AUDIENCE must be set where OIDC_ISSUER is, got \"\""
        );
        let refusal = super::tests::with("OIDC_EXPORT_CLAIM", "export");
        assert_eq!(
            refusal.unwrap_err().to_string(),
            "OIDC_EXPORT_CLAIM must be unset where OIDC_ISSUER is, got \"export\""
        );
    }

    fn documented(variable: &Variable) -> String {
        let default = match variable.default {
            "" => "unset".to_owned(),
            default => format!("`{default}`"),
        };
        format!("| `{}` | {} | {default} |", variable.name, variable.meaning)
    }

    #[test]
    fn the_documentation_repeats_the_table() {
        let documentation = include_str!("../../docs/server.md");
        for variable in VARIABLES {
            let row = documented(variable);
            assert!(documentation.contains(&row), "docs/server.md lacks {row}");
        }
    }
}
