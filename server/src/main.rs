//! EngageTrack AI in one process: the five functions and the dashboard.

#[tokio::main]
async fn main() -> std::io::Result<()> {
    server::run(server::Settings::from_env()).await
}
