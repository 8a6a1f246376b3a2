//! The HTTP server.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use quipu_ingest::Progress;
use tokio::net::TcpListener;

use super::collector::RunCollector;

/// The type of the text format.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

struct Watched {
    registry: Registry,
    progress: Arc<Progress>,
}

/// Serves until the task is ended.
pub(super) async fn serve(listener: TcpListener, collector: RunCollector, progress: Arc<Progress>) {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(collector));
    let watched = Arc::new(Watched { registry, progress });
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(health))
        .route("/readyz", get(readiness))
        .with_state(watched);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "metrics are not served any more");
    }
}

async fn metrics(State(watched): State<Arc<Watched>>) -> Response {
    let mut text = String::new();
    match encode(&mut text, &watched.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn health(State(watched): State<Arc<Watched>>) -> Response {
    if watched.progress.is_ended() {
        (StatusCode::SERVICE_UNAVAILABLE, "ended\n").into_response()
    } else {
        "ok\n".into_response()
    }
}

async fn readiness(State(watched): State<Arc<Watched>>) -> Response {
    if watched.progress.is_ready() {
        "ready\n".into_response()
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the store or the source is being opened\n",
        )
            .into_response()
    }
}
