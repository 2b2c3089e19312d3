//! Runs every case of `testdata/`, however it is split.

mod scripted;

use std::time::Duration;

use eventsource_client::{Client, ClientBuilder, Error, Event, ReconnectOptions, SSE};
use futures_util::{FutureExt, StreamExt, stream};
use scripted::{Answer, Scripted};
use testkit::{Item, cases::decode_cases, chunks::every_way};

/// Returns the items of one response, or `None` for each error that does not end it.
async fn items(chunks: Vec<&[u8]>) -> Vec<Option<SSE>> {
    let chunks = chunks.into_iter().map(<[u8]>::to_vec).collect();
    let transport = Scripted::new([Answer::stream(chunks)]);
    let client = ClientBuilder::for_url("http://a.example/")
        .unwrap()
        .reconnect(ReconnectOptions::reconnect(false).build())
        .build_with_transport(transport);
    let mut stream = client.stream();
    let mut items = Vec::new();
    loop {
        match stream.next().await {
            Some(Ok(SSE::Connected(_))) => {}
            Some(Ok(item)) => items.push(Some(item)),
            Some(Err(Error::HttpStream(_))) => items.push(None),
            Some(Err(Error::Eof | Error::UnexpectedEof)) => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(stream.next().await.is_none());
    items
}

#[tokio::test]
async fn every_case_has_its_items() {
    for case in decode_cases() {
        if case.limit.is_some() || case.max_id_bytes.is_some() {
            continue;
        }
        let expected = expected(&case.outcome.items);
        for chunks in every_way(&case.stream) {
            assert_eq!(items(chunks).await, expected, "{}", case.name);
        }
    }
}

fn expected(items: &[Item]) -> Vec<Option<SSE>> {
    let mut waiting = None;
    let mut expected = Vec::new();
    for item in items {
        expected.push(match item {
            Item::Retry(milliseconds) => {
                waiting = Some(*milliseconds);
                continue;
            }
            Item::Comment(text) => Some(SSE::Comment(text.clone())),
            Item::TooLarge(_) | Item::IdTooLong(_) => None,
            Item::Event {
                event_type,
                data,
                last_event_id,
            } => Some(SSE::Event(Event {
                event_type: event_type.clone(),
                data: data.clone(),
                id: Some(last_event_id.clone()).filter(|id| !id.is_empty()),
                retry: waiting.take(),
            })),
        });
    }
    expected
}

#[tokio::test]
async fn an_event_that_is_too_large_is_an_error_and_the_next_one_is_read() {
    let large = vec![b'a'; 17 << 20];
    let found = items(vec![b"data: ", &large, b"\n\ndata: b\n\n"]).await;
    assert_eq!(found.len(), 2);
    assert!(found[0].is_none());
    assert!(matches!(&found[1], Some(SSE::Event(event)) if event.data == "b"));
}

#[tokio::test]
async fn a_stream_without_items_lets_other_tasks_run() {
    let transport = Scripted::new([Answer::body(stream::repeat(b"field: nothing\n".to_vec()))]);
    let client = ClientBuilder::for_url("http://a.example/").unwrap();
    let mut items = client.build_with_transport(transport).stream();
    assert!(matches!(items.next().await, Some(Ok(SSE::Connected(_)))));
    assert!(items.next().now_or_never().is_none());
    let other = tokio::time::timeout(Duration::from_millis(1), items.next());
    assert!(other.await.is_err());
}
