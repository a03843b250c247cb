//! Where the usage log's key comes from: AWS Secrets Manager, through AWS's extension, which runs beside the function and
//! answers plain HTTP. So the function itself needs no TLS.

use crate::Problem;
use crate::problem::Kind;
use crate::usage_log::Key;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use std::error::Error;
use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// The port that the extension listens on unless told otherwise.
const USUAL_PORT: u16 = 2773;

/// The longest that a request waits for the key.
const PATIENCE: Duration = Duration::from_secs(3);

/// The pause before the extension is asked again that is not ready yet.
const PAUSE: Duration = Duration::from_millis(20);

/// Most bytes of an answer; a secret has 64 KiB at most.
const LONGEST_ANSWER: usize = 512 << 10;

/// A secret in Secrets Manager.
#[derive(Debug)]
pub struct KeySource {
    secret_id: String,
    port: u16,
    /// Tells the extension that it is the function that asks.
    token: String,
}

/// Why there is no key yet. Says nothing of the secret.
#[derive(Debug, PartialEq)]
enum Failure {
    /// The extension does not serve yet, as at the beginning of the first invocation.
    NotReady(String),
    Other(String),
}

impl Failure {
    fn of(error: impl Error) -> Self {
        Self::Other(error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::NotReady(reason) | Self::Other(reason)) = self;
        formatter.write_str(reason)
    }
}

/// What the extension says of a secret.
#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "SecretString")]
    secret: String,
}

impl KeySource {
    /// The secret that `USAGE_LOG_KEY_SECRET` names, by name or ARN, as `variable` reads it; `None` without, and for a log that is
    /// off.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let filled = |name| variable(name).filter(|value| !value.is_empty());
        let port = filled("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT");
        if filled("USAGE_LOG").is_some_and(|log| log == "off") {
            return None;
        }
        Some(Self {
            secret_id: filled("USAGE_LOG_KEY_SECRET")?,
            port: port
                .and_then(|port| port.parse().ok())
                .unwrap_or(USUAL_PORT),
            token: filled("AWS_SESSION_TOKEN").unwrap_or_default(),
        })
    }

    /// Fetches the key. Its id is derived from the secret, so that a secret that was replaced has another.
    ///
    /// # Errors
    /// 503 when there is none within three seconds; the log says why.
    pub async fn key(&self) -> Result<Key, Problem> {
        let fetched = timeout(PATIENCE, self.fetch()).await.unwrap_or_else(|_| {
            let reason = format!("it did not answer within {PATIENCE:?}");
            Err(Failure::Other(reason))
        });
        fetched.map_err(|failure| {
            tracing::error!(
                reason = %failure,
                "the secrets extension does not give the usage log's key; requests are refused until it does"
            );
            key_unavailable()
        })
    }

    async fn fetch(&self) -> Result<Key, Failure> {
        loop {
            match self.ask().await {
                Err(Failure::NotReady(reason)) => {
                    tracing::debug!(reason, "the secrets extension is not ready");
                    sleep(PAUSE).await;
                }
                done => return done,
            }
        }
    }

    async fn ask(&self) -> Result<Key, Failure> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))
            .await
            .map_err(|error| Failure::NotReady(error.to_string()))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(Failure::of)?;
        // Ends with the sender.
        tokio::spawn(connection);
        let request = Request::get(format!(
            "/secretsmanager/get?secretId={}",
            in_a_query(&self.secret_id)
        ));
        let request = request
            .header(header::HOST, format!("localhost:{}", self.port))
            .header("x-aws-parameters-secrets-token", &self.token)
            .body(Body::empty())
            .map_err(Failure::of)?;
        let response = sender.send_request(request).await.map_err(Failure::of)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LONGEST_ANSWER).collect();
        let body = body
            .await
            .map_err(|error| Failure::Other(error.to_string()))?
            .to_bytes();
        if status != StatusCode::OK {
            // An error of the extension or of Secrets Manager, such as AccessDeniedException.
            let says: String = String::from_utf8_lossy(&body).chars().take(200).collect();
            let reason = format!("{status}: {says:?}");
            return Err(match says.contains("not ready") {
                true => Failure::NotReady(reason),
                false => Failure::Other(reason),
            });
        }
        let Ok(Answer { secret }) = serde_json::from_slice(&body) else {
            return Err(Failure::Other("its answer has no SecretString".to_owned()));
        };
        Key::from_secret(&secret).ok_or_else(|| Failure::Other("the secret is empty".to_owned()))
    }
}

/// A text as the value of a parameter in a query.
fn in_a_query(text: &str) -> String {
    let mut written = String::new();
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' | b':' | b'/' => {
                written.push(byte.into());
            }
            other => written.push_str(&format!("%{other:02X}")),
        }
    }
    written
}

fn key_unavailable() -> Problem {
    Problem::new(Kind::UsageLogKeyUnavailable, "The key of the usage log can't be had at the moment, and nothing is answered without a log; try again soon.",
    )
    .retry_after(1)
}
