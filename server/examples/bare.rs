//! The least that axum can do: one route that answers with the same bytes every time. The load bench measures the server
//! against it.
//!
//!     bare BODY_FILE CONTENT_TYPE
//!
//! It listens on a free port and says on which, as the server does.

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderValue, header};
use axum::routing::get;
use std::error::Error;
use tokio::net::TcpListener;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(content_type)) = (arguments.next(), arguments.next()) else {
        return Err("usage: bare BODY_FILE CONTENT_TYPE".into());
    };
    let body = Bytes::from(std::fs::read(file)?);
    let content_type = HeaderValue::from_str(&content_type)?;
    let answer = get(async move || ([(header::CONTENT_TYPE, content_type.clone())], body.clone()));
    let router = Router::new().route("/v1/{function}/{customer_id}", answer);
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("bare is at http://{}", listener.local_addr()?);
        axum::serve(listener, router).await
    })?;
    Ok(())
}
