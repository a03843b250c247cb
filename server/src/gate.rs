//! What a request must pass before a handler sees it: its host, the client's rate, the size of its headers, signing in, the load, the
//! time. It is also given the account from which its body and its answer are held in memory.

use crate::host::{AllowedHosts, Host};
use crate::leaving;
use crate::settings::{RateLimit, Settings};
use crate::sign_in::Issuer;
use axum::body::HttpBody;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::Route;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tower::Service;
use web::Problem;
use web::budget::Budget;
use web::problem::Kind;

/// Most bytes of header names and values together.
pub const HEADER_LIMIT: usize = 16 << 10;
/// Where answers are computed for each request.
const API: &str = "/v1/";
/// Seconds after which a request that was shed may be tried again.
const RETRY_AFTER_S: u32 = 1;
/// Requests after which clients that have been quiet for long are forgotten, so that their number stays bounded.
const FORGET_EVERY: usize = 10_000;

/// The address of the connection's other end.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// The gate of one server.
pub struct Gate {
    hosts: AllowedHosts,
    clients: Option<Clients>,
    trusted_proxies: usize,
    budget: Budget,
    in_hand: Semaphore,
    patience: Duration,
}

impl Gate {
    /// A gate through which nothing has gone yet.
    pub fn new(settings: &Settings, hosts: AllowedHosts, budget: Budget) -> Self {
        Self {
            hosts,
            clients: settings.rate_limit.map(Clients::new),
            trusted_proxies: settings.trusted_proxies,
            budget,
            in_hand: Semaphore::new(settings.max_requests),
            patience: settings.request_timeout,
        }
    }

    /// What a route answers to a request, or why it is not asked or did not answer in time. With an issuer it is asked only for callers
    /// who are signed in.
    pub async fn pass(
        &self,
        host: Option<&Host>,
        issuer: Option<&Arc<Issuer>>,
        mut request: Request,
        route: Route,
    ) -> Response {
        // A request that came by no connection, as in a test of the router, has no client to count for.
        let client = request.extensions().get::<Peer>().map(|Peer(peer)| {
            let (headers, proxies) = (request.headers(), self.trusted_proxies);
            client(peer.ip(), headers, proxies)
        });
        if let Err(problem) = self.admit(host, &request, client) {
            return problem.into_response();
        }
        // Before the request takes a slot, because it may have to wait for the issuer's keys.
        let caller = match issuer {
            Some(issuer) => match issuer.admit(&mut request).await {
                Ok(caller) => Some(caller),
                Err(problem) => return problem.into_response(),
            },
            None => None,
        };
        let Ok(_in_hand) = self.in_hand.try_acquire() else {
            return overloaded().into_response();
        };
        let mut response = self.ask(request, client, route).await;
        if let Some(caller) = caller {
            response.extensions_mut().insert(caller);
        }
        response
    }

    /// What a route answers in time, to a request whose body and answer have room in memory.
    async fn ask(
        &self,
        mut request: Request,
        client: Option<IpAddr>,
        mut route: Route,
    ) -> Response {
        // The dashboard's files are in memory once, however many ask for them.
        let is_computed = request.uri().path().starts_with(API);
        let account = is_computed.then(|| self.budget.account(client));
        if let Some(account) = &account {
            request.extensions_mut().insert(account.clone());
        }
        let has_body = !request.body().is_end_stream();
        match tokio::time::timeout(self.patience, route.call(request)).await {
            Ok(Ok(response)) => match account {
                Some(account) => leaving::held(response, account),
                None => response,
            },
            // A handler waits for nothing but the request's body, and for a worker.
            Err(_) if account.is_some_and(|account| !has_body || account.has_arrived()) => {
                overloaded().into_response()
            }
            Err(_) => too_late(self.patience).into_response(),
        }
    }

    fn admit(
        &self,
        host: Option<&Host>,
        request: &Request,
        client: Option<IpAddr>,
    ) -> Result<(), Problem> {
        self.hosts.admit(host)?;
        if let (Some(clients), Some(client)) = (&self.clients, client) {
            clients.admit(client)?;
        }
        let headers = request.headers().iter();
        let size: usize = headers
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        if size > HEADER_LIMIT {
            return Err(headers_too_large());
        }
        Ok(())
    }
}

fn headers_too_large() -> Problem {
    Problem::new(
        Kind::HeadersTooLarge,
        format!("The headers may have at most {HEADER_LIMIT} bytes."),
    )
}

fn overloaded() -> Problem {
    Problem::new(
        Kind::Overloaded,
        "Too many requests are in hand; try again soon.",
    )
    .retry_after(RETRY_AFTER_S)
}

fn too_late(patience: Duration) -> Problem {
    Problem::new(
        Kind::RequestTimeout,
        format!(
            "The request did not arrive within {} s.",
            patience.as_secs_f64()
        ),
    )
}

/// How fast each client asks.
struct Clients {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    admissions: AtomicUsize,
}

impl Clients {
    fn new(limit: RateLimit) -> Self {
        let quota = Quota::per_second(limit.per_second).allow_burst(limit.burst);
        Self {
            limiter: DefaultKeyedRateLimiter::keyed(quota),
            admissions: AtomicUsize::new(0),
        }
    }

    fn admit(&self, client: IpAddr) -> Result<(), Problem> {
        if self.admissions.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&client).map_err(|refusal| {
            let wait = refusal.wait_time_from(DefaultClock::default().now());
            let seconds = u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
            Problem::new(
                Kind::RateLimited,
                "This client asks more often than it may.",
            )
            .retry_after(seconds.max(1))
        })
    }
}

/// Who asks: the peer, or, behind `proxies` proxies, the address that the outermost of them saw. What stands further left in
/// `x-forwarded-for` anybody could have written.
fn client(peer: IpAddr, headers: &HeaderMap, proxies: usize) -> IpAddr {
    let claims = headers.get_all("x-forwarded-for").iter().rev();
    let mut addresses = claims
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.rsplit(','));
    let seen = proxies
        .checked_sub(1)
        .and_then(|further| addresses.nth(further));
    // A proxy may add the port.
    let address = seen.and_then(|text| {
        let text = text.trim();
        text.parse::<IpAddr>()
            .or_else(|_| text.parse().map(|address: SocketAddr| address.ip()))
            .ok()
    });
    one_subscriber(address.unwrap_or(peer))
}

/// A subscriber has a whole /64 of IPv6 addresses, and must not get a limit for each.
pub fn one_subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn client_of(forwarded: &[&'static str], proxies: usize) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_static(value));
        }
        client([10, 0, 0, 1].into(), &headers, proxies).to_string()
    }

    #[test]
    fn a_forwarded_address_counts_only_from_a_trusted_proxy() {
        assert_eq!(client_of(&["203.0.113.9"], 0), "10.0.0.1");
        assert_eq!(client_of(&["198.51.100.1, 203.0.113.9"], 1), "203.0.113.9");
        assert_eq!(
            client_of(&["198.51.100.1", "203.0.113.9:4711"], 1),
            "203.0.113.9"
        );
        assert_eq!(
            client_of(&["1.2.3.4, 203.0.113.9, 10.0.0.7"], 2),
            "203.0.113.9"
        );
        for unusable in [&[][..], &["nonsense"], &["203.0.113.9,"]] {
            assert_eq!(client_of(unusable, 1), "10.0.0.1");
        }
        assert_eq!(client_of(&["203.0.113.9"], 2), "10.0.0.1");
    }

    #[test]
    fn the_addresses_of_one_subscriber_are_one_client() {
        assert_eq!(client_of(&["2001:db8:1:2:3:4:5:6"], 1), "2001:db8:1:2::");
        assert_eq!(client_of(&["::ffff:203.0.113.9"], 1), "203.0.113.9");
    }
}
