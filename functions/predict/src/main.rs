//! The predict function on AWS Lambda.

use engagetrack::embedded;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let live = embedded::live(embedded::core());
    web::lambda::run(predict::routes(live)).await
}
