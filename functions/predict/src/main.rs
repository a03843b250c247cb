//! The predict function on AWS Lambda.

use engagetrack::embedded;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let parts = embedded::previous(embedded::core());
    let live = embedded::or_file(parts, std::env::var_os("WORKSPACE"))?;
    web::lambda::run(predict::routes(live)).await
}
