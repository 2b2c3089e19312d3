use futures_util::TryStreamExt;
use sse_source::{
    EventSource,
    testing::{ScriptedResponse, ScriptedServer},
};

#[tokio::test(start_paused = true)]
async fn resumes_after_a_network_error() {
    let server = ScriptedServer::new([
        ScriptedResponse::stream("id: 1\ndata: a\n\n"),
        ScriptedResponse::network_error(),
        ScriptedResponse::stream("id: 2\ndata: b\n\n").stays_open(),
    ]);
    let source = EventSource::get("http://test/events").transport(server.transport());
    let mut events = source.build().unwrap().events_only();
    assert_eq!(events.try_next().await.unwrap().unwrap().data, "a");
    assert_eq!(events.try_next().await.unwrap().unwrap().data, "b");
    assert_eq!(server.requests()[2].headers()["last-event-id"], "1");
}
