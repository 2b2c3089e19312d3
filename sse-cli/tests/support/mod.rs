//! A server with scripted answers, and the command.
#![allow(dead_code, unused_imports, reason = "not every test uses all items")]

mod command;
pub(crate) mod http2;
pub(crate) mod hub;
#[cfg(feature = "hub")]
pub(crate) mod mercure;
#[cfg(all(feature = "hub", unix))]
pub(crate) mod secure;

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

pub(crate) use command::{Done, Output, Running, run, sse, wait};

/// Scripted behaviour of the server on one connection.
pub(crate) enum Answer {
    /// Sends these bytes and ends the connection.
    End(Vec<u8>),
    /// Sends these bytes and keeps the connection open.
    Hang(Vec<u8>),
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts a server that accepts one connection for each answer, and then no more.
    pub(crate) fn start<const N: usize>(answers: [Answer; N]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
        };
        let requests = Arc::clone(&server.requests);
        thread::spawn(move || {
            let mut open = Vec::new();
            for answer in answers {
                let mut connection = listener.accept().unwrap().0;
                let request = read_request(&mut connection);
                requests.lock().unwrap().push(request);
                match answer {
                    Answer::End(bytes) => connection.write_all(&bytes).unwrap(),
                    Answer::Hang(bytes) => {
                        connection.write_all(&bytes).unwrap();
                        open.push(connection);
                    }
                }
            }
            // Keeps the connections open.
            loop {
                thread::park();
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/events?a=b", self.address)
    }

    /// Returns the requests as texts. The client writes the names of headers in lower case.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn read_request(connection: &mut TcpStream) -> String {
    let mut request = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = connection.read(&mut buffer).unwrap();
        request.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .split("\r\n")
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| serde_json::from_str(length).expect("a number"));
            if body.len() >= length || count == 0 {
                return text.into_owned();
            }
        }
    }
}

/// Returns a response with an event stream, which ends with the connection.
pub(crate) fn stream(body: impl AsRef<[u8]>) -> Vec<u8> {
    respond("200 OK", "Content-Type: text/event-stream\r\n", body)
}

pub(crate) fn respond(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\n\r\n");
    [head.as_bytes(), body.as_ref()].concat()
}
