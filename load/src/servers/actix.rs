//! actix-web with one worker, and `sse` of actix-web-lab.

use std::{
    future::Future,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::{App, HttpServer, Responder, web};
use actix_web_lab::sse::{Data, Event, Sse};
use futures_util::StreamExt as _;
use tokio::net::TcpListener;

use crate::{commands::Commands, feed::Feed};

/// Time between two keep-alive comments, as for the other servers.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// Maximum number of connections, more than any test needs. The default is 25,600.
const MAX_CONNECTIONS: usize = 1_000_000;

/// Serves from one worker, which has its own thread and runtime. Texts are published on that thread, because this
/// library is fastest if no other thread has to be woken.
pub(super) async fn serve(
    listener: TcpListener,
    commands: Commands,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let commands = Arc::new(Mutex::new(Some(commands)));
    let app = move || {
        let commands = commands
            .lock()
            .ok()
            .and_then(|mut commands| commands.take());
        let commands = commands.expect("one worker, which takes the commands once");
        App::new()
            .app_data(web::Data::new(Feed::by(commands)))
            .route("/events", web::get().to(events))
    };
    HttpServer::new(app)
        .workers(1)
        .max_connections(MAX_CONNECTIONS)
        .shutdown_signal(shutdown)
        .listen(listener.into_std()?)?
        .run()
        .await
}

async fn events(feed: web::Data<Feed>) -> impl Responder {
    let events = feed
        .subscribe()
        .map(|published| Event::from(Data::new(published.text())));
    Sse::from_infallible_stream(events).with_keep_alive(KEEP_ALIVE_INTERVAL)
}
