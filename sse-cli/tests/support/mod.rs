//! A server that does as it is told, byte for byte, and the command.
#![allow(dead_code, unused_imports, reason = "not each test uses all")]

mod command;
pub(crate) mod hub;

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

pub(crate) use command::{Done, Output, Running, run, sse, wait};

/// What the server does on one connection.
pub(crate) enum Answer {
    /// Sends these bytes and ends the connection.
    End(Vec<u8>),
    /// Sends these bytes and nothing more.
    Hang(Vec<u8>),
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// One connection for each answer, and then none.
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
            // What is open stays so.
            loop {
                thread::park();
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/events?a=b", self.address)
    }

    /// What was asked, each with the names of its headers in small letters.
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

/// A response that is an event stream, up to the end of the connection.
pub(crate) fn stream(body: impl AsRef<[u8]>) -> Vec<u8> {
    respond("200 OK", "Content-Type: text/event-stream\r\n", body)
}

pub(crate) fn respond(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\n\r\n");
    [head.as_bytes(), body.as_ref()].concat()
}
