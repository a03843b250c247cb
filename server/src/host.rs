//! The host that a request is for, and which hosts the server answers under.
//!
//! A page can have its own name resolve to this machine's address (DNS rebinding), and its browser then takes the server for the
//! page's own origin. Only the name in the request tells such a request from an honest one.

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderValue, Version, header};
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use web::Problem;
use web::problem::Kind;

/// The host of a request, without its port: a name in lower case, or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A name, without a dot at its end.
    Name(String),
    /// An address, IPv4 where it is one written as IPv6.
    Address(IpAddr),
}

impl Host {
    /// The host that a request is for: that of its target where the target names one (RFC 9112, section 3.2.2), else that of its
    /// `host` header. An HTTP/1.0 request may name none.
    ///
    /// # Errors
    /// 400 where `host` is missing, given twice, or no host with an optional port.
    pub fn of(request: &Request) -> Result<Option<Self>, Problem> {
        let mut headers = request.headers().get_all(header::HOST).iter();
        let named = match (headers.next(), headers.next()) {
            (Some(value), None) => Some(Self::of_header(value).ok_or_else(|| {
                Problem::malformed("The header host is not a host with an optional port.")
            })?),
            (Some(_), Some(_)) => {
                return Err(Problem::malformed("The header host is given twice."));
            }
            (None, _) if request.version() < Version::HTTP_11 => None,
            (None, _) => return Err(Problem::malformed("The header host is missing.")),
        };
        match request.uri().authority() {
            None => Ok(named),
            Some(target) => Self::of_authority(target).map(Some).ok_or_else(|| {
                Problem::malformed(
                    "The request's target does not name a host with an optional port.",
                )
            }),
        }
    }

    fn of_header(value: &HeaderValue) -> Option<Self> {
        Self::of_authority(&Authority::try_from(value.as_bytes()).ok()?)
    }

    fn of_authority(authority: &Authority) -> Option<Self> {
        let (whole, host) = (authority.as_str(), authority.host());
        // User information in front of the host doesn't belong there.
        let port = whole.strip_prefix(host)?;
        let is_port = port.is_empty()
            || port.strip_prefix(':').is_some_and(|digits| {
                digits.bytes().all(|byte| byte.is_ascii_digit())
                    && (digits.is_empty() || digits.parse::<u16>().is_ok())
            });
        if is_port { Self::bare(host) } else { None }
    }

    /// A host without a port, IPv6 addresses in brackets.
    fn bare(text: &str) -> Option<Self> {
        let in_brackets = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        if let Some(address) = in_brackets {
            let address: IpAddr = address.parse().ok().filter(IpAddr::is_ipv6)?;
            return Some(Self::Address(address.to_canonical()));
        }
        if let Ok(address) = text.parse() {
            return Some(Self::Address(address));
        }
        // A dot at the end only says that the name is complete.
        let name = text.strip_suffix('.').unwrap_or(text);
        let empty = name.is_empty() || name.split('.').any(str::is_empty);
        (!empty).then(|| Self::Name(name.to_ascii_lowercase()))
    }

    fn is_loopback(&self) -> bool {
        match self {
            Self::Address(address) => address.is_loopback(),
            // Names below localhost are never looked up elsewhere (RFC 6761, section 6.3).
            Self::Name(name) => name == "localhost" || name.ends_with(".localhost"),
        }
    }
}

/// The hosts that a server answers under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedHosts {
    /// Every host.
    All,
    /// `localhost`, the names below it, and loopback addresses.
    Loopback,
    /// These.
    Listed(Vec<Host>),
}

impl AllowedHosts {
    /// What holds for a server at this address unless its settings say otherwise.
    pub fn default_at(address: SocketAddr) -> Self {
        if address.ip().to_canonical().is_loopback() {
            Self::Loopback
        } else {
            Self::All
        }
    }

    /// Refuses a request for another host.
    ///
    /// # Errors
    /// 421.
    pub fn admit(&self, host: Option<&Host>) -> Result<(), Problem> {
        let admitted = match self {
            Self::All => true,
            Self::Loopback => host.is_some_and(Host::is_loopback),
            Self::Listed(hosts) => host.is_some_and(|host| hosts.contains(host)),
        };
        if admitted { Ok(()) } else { Err(misdirected()) }
    }
}

impl FromStr for AllowedHosts {
    type Err = InvalidHosts;

    fn from_str(text: &str) -> Result<Self, InvalidHosts> {
        let entries: Vec<&str> = text.split(',').map(str::trim).collect();
        if entries.contains(&"*") {
            return Ok(Self::All);
        }
        let hosts = entries.into_iter().map(|entry| {
            if let Ok(address) = entry.parse::<IpAddr>() {
                return Ok(Host::Address(address.to_canonical()));
            }
            match Host::bare(entry) {
                Some(Host::Name(name)) if !is_name(&name) => Err(InvalidHosts),
                host => host.ok_or(InvalidHosts),
            }
        });
        hosts.collect::<Result<_, _>>().map(Self::Listed)
    }
}

/// Text that is no list of hosts.
#[derive(Clone, Copy, Debug)]
pub struct InvalidHosts;

/// Names that a browser asks for are of these characters.
fn is_name(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn misdirected() -> Problem {
    Problem::new(
        Kind::MisdirectedRequest,
        "The server does not answer under this host name; its setting ALLOWED_HOSTS lists the names that it answers under.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::StatusCode;

    fn asked(target: &str, hosts: &[&str]) -> Result<Option<Host>, StatusCode> {
        let mut request = Request::builder().uri(target);
        for host in hosts {
            request = request.header("host", *host);
        }
        Host::of(&request.body(Body::empty()).unwrap()).map_err(|problem| problem.status())
    }

    fn allowed(list: &str, host: &str) -> bool {
        let hosts: AllowedHosts = list.parse().unwrap();
        hosts.admit(asked("/", &[host]).unwrap().as_ref()).is_ok()
    }

    #[test]
    fn host_is_required_once() {
        assert_eq!(asked("/", &[]), Err(StatusCode::BAD_REQUEST));
        assert_eq!(asked("/", &["a", "a"]), Err(StatusCode::BAD_REQUEST));
        assert_eq!(
            asked("http://a/", &[]),
            Err(StatusCode::BAD_REQUEST),
            "a target's host does not replace the header"
        );
        let mut old = Request::new(Body::empty());
        *old.version_mut() = Version::HTTP_10;
        assert_eq!(Host::of(&old).unwrap(), None);
    }

    #[test]
    fn host_is_a_name_or_an_address_with_an_optional_port() {
        let name = |name: &str| Ok(Some(Host::Name(name.to_owned())));
        for spelling in [
            "example.com",
            "EXAMPLE.com.",
            "example.com:8080",
            "example.com:",
        ] {
            assert_eq!(asked("/", &[spelling]), name("example.com"), "{spelling}");
        }
        for spelling in ["[::1]", "[0:0::1]:8080"] {
            let address = Ok(Some(Host::Address("::1".parse().unwrap())));
            assert_eq!(asked("/", &[spelling]), address, "{spelling}");
        }
        for wrong in [
            "",
            ":80",
            ".",
            "a..b",
            "a:b",
            "a:99999",
            "a:+1",
            "a b",
            "me@a",
            "::1",
            "[::1",
            "[127.0.0.1]",
            "[::1]a",
            "a/b",
        ] {
            assert_eq!(
                asked("/", &[wrong]),
                Err(StatusCode::BAD_REQUEST),
                "{wrong}"
            );
        }
    }

    #[test]
    fn target_with_a_host_outweighs_the_header() {
        let target = Ok(Some(Host::Name("target".to_owned())));
        assert_eq!(asked("http://target:81/v1", &["header"]), target);
        assert_eq!(
            asked("http://me@target/", &["header"]),
            Err(StatusCode::BAD_REQUEST)
        );
    }

    #[test]
    fn listed_hosts_are_compared_without_case_port_or_spelling() {
        let list = "Example.com, 192.0.2.1,[2001:db8::1] ,::1";
        for host in [
            "example.COM:443",
            "example.com.",
            "192.0.2.1:80",
            "[2001:DB8:0::1]",
            "[::1]",
            "[::ffff:192.0.2.1]",
        ] {
            assert!(allowed(list, host), "{host}");
        }
        for host in [
            "www.example.com",
            "example.com.evil.test",
            "localhost",
            "192.0.2.10",
            "[2001:db8::2]",
        ] {
            assert!(!allowed(list, host), "{host}");
        }
        assert!(allowed("*", "anything.test"));
        let listed: AllowedHosts = "a".parse().unwrap();
        assert!(listed.admit(None).is_err() && AllowedHosts::All.admit(None).is_ok());
    }

    #[test]
    fn loopback_address_means_the_loopback_names() {
        let at = |address: &str| AllowedHosts::default_at(address.parse().unwrap());
        assert_eq!(at("0.0.0.0:80"), AllowedHosts::All);
        assert_eq!(at("192.0.2.1:80"), AllowedHosts::All);
        for address in ["127.0.0.1:80", "[::1]:80", "[::ffff:127.0.0.1]:80"] {
            assert_eq!(at(address), AllowedHosts::Loopback);
        }
        let admitted = |host| {
            let host = asked("/", &[host]).unwrap();
            AllowedHosts::Loopback.admit(host.as_ref()).is_ok()
        };
        for host in [
            "localhost",
            "LocalHost.:8080",
            "a.localhost",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]:80",
        ] {
            assert!(admitted(host), "{host}");
        }
        for host in [
            "evil.test",
            "localhost.evil.test",
            "notlocalhost",
            "0.0.0.0",
            "10.0.0.1",
            "[::]",
        ] {
            assert!(!admitted(host), "{host}");
        }
    }

    #[test]
    fn lists_with_anything_else_are_refused() {
        for list in [
            "a,,b", ",", "a:80", "[::1]:80", "http://a", "a b", "*.a", "a/24",
        ] {
            assert!(list.parse::<AllowedHosts>().is_err(), "{list}");
        }
    }
}
