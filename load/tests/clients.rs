//! Checks that every library receives the same events from a stream, so that the tables of the clients compare the same
//! work.

use std::{
    net::{Ipv4Addr, TcpListener},
    thread,
};

use anyhow::Result;
use load::{
    clients::{Client, Received, eventsource_client, hyper, ours, ours_once, reqwest_eventsource},
    flood::{self, Stream},
    tally::Tally,
};

/// Type, data and ID of an event.
type Event = [String; 3];

/// Number of repetitions of a stream in a response.
const TIMES: u64 = 2;

#[tokio::test]
async fn every_client_receives_every_event_as_it_was_sent() {
    let port = start_flood();
    for stream in flood::streams() {
        let uri = stream.uri(port, TIMES);
        let expected = events(&stream);
        for client in Client::ALL {
            let mut received = Vec::new();
            let mut tally = Tally::default();
            let each = |output: Received<'_>| {
                tally.add(output);
                if let Received::Event {
                    event_type,
                    data,
                    id,
                } = output
                {
                    received.push([event_type, data, id].map(String::from));
                }
            };
            receive(client, &uri, each)
                .await
                .expect("a complete response");
            assert_eq!(
                tally,
                stream.tally(client, TIMES),
                "{client}, {}",
                stream.key
            );
            let right = received
                == if client.decodes() {
                    expected.clone()
                } else {
                    vec![]
                };
            assert!(right, "{client}, {}", stream.key);
        }
    }
}

async fn receive(client: Client, uri: &str, each: impl FnMut(Received<'_>)) -> Result<()> {
    match client {
        Client::Ours => ours::receive(uri, each).await,
        Client::OursOnce => ours_once::receive(uri, each).await,
        Client::ReqwestEventsource => reqwest_eventsource::receive(uri, each).await,
        Client::EventsourceClient => eventsource_client::receive(uri, each).await,
        Client::Hyper => hyper::receive(uri, each).await,
    }
}

/// Starts a flood, which serves as long as this process lives, and returns its port.
fn start_flood() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || flood::serve(&listener));
    port
}

/// Returns the expected events of a response. No event inherits the ID of the event before it.
fn events(stream: &Stream) -> Vec<Event> {
    let mut events = Vec::new();
    for _ in 0..TIMES {
        for record in &stream.records {
            let event_type = record.event_type.as_deref().unwrap_or("message");
            let data = record.data.as_deref().unwrap_or_default();
            let id = record.id.map_or_else(String::new, |id| id.to_string());
            events.push([event_type.into(), data.into(), id]);
        }
    }
    events
}
