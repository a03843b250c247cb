//! How the functions that reach S3 reach it: over rustls, with the credentials and the region of the environment.

#![forbid(unsafe_code)]

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{BehaviorVersion, SharedHttpClient};
use aws_smithy_http_client::tls;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

/// A client that keeps to these limits and tries each operation so many times. Nothing is sent yet.
pub async fn client(limits: TimeoutConfig, attempts: u32) -> Client {
    let https: SharedHttpClient = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let environment = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(https)
        .timeout_config(limits)
        .retry_config(RetryConfig::standard().with_max_attempts(attempts))
        .load()
        .await;
    Client::new(&environment)
}
