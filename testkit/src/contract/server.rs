//! Running contract server, with methods to send requests to it.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
};

use ureq::http::Response;

use crate::{example::Example, timeout::test_timeout};

pub(super) struct Server {
    pub(super) example: Example,
}

impl Server {
    pub(super) fn start(example: &str) -> Self {
        Self {
            example: Example::start(example),
        }
    }

    pub(super) fn active(&self) -> u64 {
        let stats = body(&mut self.get("/stats", None));
        let stats = String::from_utf8(stats).expect("UTF-8");
        let number = stats
            .strip_prefix("{\"active\": ")
            .and_then(|rest| rest.strip_suffix('}'));
        #[expect(clippy::disallowed_methods, reason = "no sign comes from there")]
        number
            .and_then(|number| number.parse().ok())
            .unwrap_or_else(|| panic!("{stats}"))
    }

    pub(super) fn get(&self, path: &str, last_event_id: Option<&[u8]>) -> Response<ureq::Body> {
        let agent = ureq::Agent::new_with_config(
            ureq::Agent::config_builder()
                .http_status_as_error(false)
                .timeout_global(Some(test_timeout()))
                .build(),
        );
        let mut request = agent.get(format!("http://127.0.0.1:{}{path}", self.example.port));
        if let Some(id) = last_event_id {
            request = request.header("Last-Event-ID", id);
        }
        request
            .call()
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(super) fn send(&self, request: &[u8]) -> TcpStream {
        let mut connection =
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.example.port)).expect("a connection");
        connection
            .set_read_timeout(Some(test_timeout()))
            .expect("a timeout");
        connection.write_all(request).expect("a request sent");
        connection
    }
}

pub(super) fn body(response: &mut Response<ureq::Body>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let end = response.body_mut().as_reader().read_to_end(&mut bytes);
    end.expect("a body that ends properly");
    bytes
}

pub(super) fn read_until(connection: &mut TcpStream, wanted: &[u8]) {
    let mut seen = Vec::new();
    while !seen.windows(wanted.len()).any(|window| window == wanted) {
        let mut buffer = [0; 1024];
        let count = connection.read(&mut buffer).expect("bytes in time");
        assert!(
            count > 0,
            "the stream ended early: {}",
            String::from_utf8_lossy(&seen)
        );
        seen.extend_from_slice(&buffer[..count]);
    }
}
