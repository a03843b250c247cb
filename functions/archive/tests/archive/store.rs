//! An S3 server in this process, whose behaviour can be switched while it runs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use archive::bucket::Bucket;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::TcpListener;

pub const NAME: &str = "usage-logs";
pub const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
pub const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// How the server answers.
#[derive(Clone, Copy, PartialEq)]
pub enum Behaviour {
    Works,
    Fails,
    Denies,
    Stalls,
}

pub struct Store {
    pub endpoint: String,
    behaviour: Arc<Mutex<Behaviour>>,
    folder: tempfile::TempDir,
}

impl Store {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(NAME)).unwrap();
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = builder.build();
        let behaviour = Arc::new(Mutex::new(Behaviour::Works));
        let switch = Arc::clone(&behaviour);
        let router = Router::new().fallback(async move |request: Request| {
            let behaviour = *switch.lock().unwrap();
            answer(behaviour, service, request).await
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, router).await });
        Self {
            endpoint,
            behaviour,
            folder,
        }
    }

    pub fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap() = behaviour;
    }

    /// The bucket, through a client that gives up sooner than the function's own.
    pub fn bucket(&self) -> Bucket {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(Duration::from_millis(500))
            .build();
        let retries = RetryConfig::standard()
            .with_max_attempts(2)
            .with_initial_backoff(Duration::from_millis(1));
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test"))
            .endpoint_url(&self.endpoint)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .timeout_config(timeouts)
            .retry_config(retries)
            .build();
        Bucket::new(aws_sdk_s3::Client::from_conf(config), NAME.to_owned())
    }

    /// The objects that lie there, by key.
    pub fn objects(&self) -> Vec<(String, String)> {
        let root = self.folder.path().join(NAME);
        let mut objects = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let key = path
                        .strip_prefix(&root)
                        .unwrap()
                        .to_str()
                        .unwrap()
                        .to_owned();
                    objects.push((key, std::fs::read_to_string(path).unwrap()));
                }
            }
        }
        objects.sort();
        objects
    }
}

async fn answer(behaviour: Behaviour, mut service: S3Service, request: Request) -> Response {
    match behaviour {
        Behaviour::Works => {
            let call = tower::Service::call(&mut service, request);
            call.await.unwrap().map(Body::new)
        }
        Behaviour::Fails => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Behaviour::Denies => {
            let document =
                "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
            (StatusCode::FORBIDDEN, document).into_response()
        }
        Behaviour::Stalls => std::future::pending().await,
    }
}
