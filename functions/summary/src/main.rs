//! The summary function on AWS Lambda.

use engagetrack::embedded;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let live = embedded::live(embedded::orders(embedded::explanations(embedded::core())));
    web::lambda::run(summary::routes(live)).await
}
