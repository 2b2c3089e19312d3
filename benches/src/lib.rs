//! What is measured: streams as they are met, about a megabyte each.

use sse_proto::{Event, EventId, EventType};

/// A kind of stream.
#[derive(Debug)]
pub struct Workload {
    /// What is in it.
    pub name: &'static str,
    /// The events that it is made of.
    pub events: Vec<Event>,
}

impl Workload {
    /// The events as a stream.
    pub fn stream(&self) -> Vec<u8> {
        let mut stream = Vec::new();
        for event in &self.events {
            event.encode(&mut stream);
        }
        stream
    }
}

/// All that is measured.
pub fn workloads() -> Vec<Workload> {
    let delta = r#"{"id":"chatcmpl-9","object":"chat.completion.chunk","created":1795381787,"model":"m","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"content":" word"},"logprobs":null,"finish_reason":null}],"usage":null,"service_tier":"default","obfuscation":"aB3dE5fG7hI9"}"#;
    let typed = EventType::new("content_block_delta").expect("no line end in it");
    vec![
        Workload {
            name: "JSON deltas",
            events: vec![Event::new(delta); 3500],
        },
        Workload {
            name: "all fields",
            events: (0..3000)
                .map(|n| {
                    Event::new(delta)
                        .with_type(typed.clone())
                        .with_id(EventId::from(n))
                })
                .collect(),
        },
        Workload {
            name: "tiny",
            events: vec![Event::new("1"); 100_000],
        },
        Workload {
            name: "64 KiB lines",
            events: vec![Event::new("x".repeat(64 * 1024)); 16],
        },
        Workload {
            name: "50 lines of data",
            events: vec![Event::new(["some text of a line"; 50].join("\n")); 800],
        },
        Workload {
            name: "not ASCII",
            events: vec![Event::new("サーバー送信イベント ".repeat(10)); 3500],
        },
    ]
}
