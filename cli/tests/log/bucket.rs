//! Logs in a bucket, on an S3 server in this process.

use std::fs;

use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tokio::net::TcpListener;

use crate::verify::{WITH_KEY, command, lines_of_a_writer};

const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// Serves a folder, whose own folders are the buckets, to whoever has the key, and says where.
async fn serve(folder: &tempfile::TempDir) -> String {
    let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
    builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
    let service = builder.build();
    let router = axum::Router::new().fallback(async move |request: axum::extract::Request| {
        let mut service = service.clone();
        let answer = tower::Service::call(&mut service, request).await;
        answer.unwrap().map(axum::body::Body::new)
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await });
    endpoint
}

#[tokio::test]
async fn a_bucket_is_checked_with_the_credentials_of_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let objects = folder.path().join("usage-logs/usage");
    fs::create_dir_all(&objects).unwrap();
    let lines = lines_of_a_writer(90).await;
    // The later lines lie in the first object.
    for (name, part) in [("a.jsonl", &lines[45..]), ("b.jsonl", &lines[..45])] {
        fs::write(objects.join(name), part.join("\n") + "\n").unwrap();
    }
    let endpoint = serve(&folder).await;
    let mut variables = vec![
        ("AWS_ENDPOINT_URL", &*endpoint),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
    ];
    variables.extend(WITH_KEY);
    let answer = command(&["verify", "s3://usage-logs/usage/"], &variables).await;
    let sound = "s3://usage-logs/usage/: sound; lines: 90, chains: 1\nhead ";
    assert!(answer.stdout.starts_with(sound), "{}", answer.stderr);
    assert_eq!(answer.code, 0);

    fs::remove_file(objects.join("b.jsonl")).unwrap();
    let answer = command(&["verify", "s3://usage-logs/usage/"], &variables).await;
    let missing = ": lines 0 to 44 of chain ";
    assert!(answer.stdout.contains(missing), "{}", answer.stdout);
    assert_eq!(answer.code, 1);

    let answer = command(&["verify", "s3://usage-logs/elsewhere/"], &variables).await;
    assert_eq!(
        answer.stdout,
        "s3://usage-logs/elsewhere/: there is no complete line\n"
    );
    assert_eq!(answer.code, 1);

    variables.retain(|(name, _)| *name != "AWS_SECRET_ACCESS_KEY");
    variables.push(("AWS_SECRET_ACCESS_KEY", "of somebody else"));
    let answer = command(&["verify", "s3://usage-logs/usage/"], &variables).await;
    assert!(
        answer
            .stderr
            .starts_with("listing s3://usage-logs/usage/ failed: "),
        "{}",
        answer.stderr
    );
    assert_eq!(answer.code, 2);
}
