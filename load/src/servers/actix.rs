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

use crate::{feed::Feed, orders::Orders};

/// As the others have it.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// More than any crowd; the default is 25,600.
const CONNECTIONS: usize = 1_000_000;

/// The worker is a thread of its own, with a runtime of its own. It is there that texts are published,
/// for that wakes nobody across threads, which is what this library is best at.
pub(super) async fn serve(
    listener: TcpListener,
    orders: Orders,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let orders = Arc::new(Mutex::new(Some(orders)));
    let app = move || {
        let orders = orders.lock().ok().and_then(|mut it| it.take());
        let orders = orders.expect("there is one worker, which asks once");
        App::new()
            .app_data(web::Data::new(Feed::by(orders)))
            .route("/events", web::get().to(events))
    };
    HttpServer::new(app)
        .workers(1)
        .max_connections(CONNECTIONS)
        .shutdown_signal(shutdown)
        .listen(listener.into_std()?)?
        .run()
        .await
}

async fn events(feed: web::Data<Feed>) -> impl Responder {
    let events = feed.subscribe().map(|it| Event::from(Data::new(it.text())));
    Sse::from_infallible_stream(events).with_keep_alive(KEEP_ALIVE)
}
