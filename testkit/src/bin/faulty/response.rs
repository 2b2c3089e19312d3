//! Response to a request, with the faults that the request asks for.

use std::{
    io,
    net::TcpStream,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    peer::Peer,
    request::{Request, number},
    script::{Script, Then},
    server::{Server, Stats},
};

/// Length in bytes at which a batch of events is written, even if more events are due.
const BATCH_BYTES: usize = 64 * 1024;

pub(crate) fn serve(server: &Server, connection: TcpStream) -> io::Result<()> {
    static NEXT_ID: AtomicU64 = AtomicU64::new(0);

    let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
    server.opened(id, connection.try_clone()?);
    // Browsers also open connections in advance, and may close them without a request.
    let Ok(request) = Request::read(&connection) else {
        server.closed(id);
        return Ok(());
    };
    let mut exchange = Exchange {
        server,
        peer: Peer::new(connection)?,
        request,
    };
    exchange.count(|counts| counts.open += 1);
    let result = exchange.serve();
    let was_cut = !server.closed(id);
    exchange.count(|counts| {
        counts.open -= 1;
        counts.cancelled += u64::from(result.is_err() && !was_cut);
    });
    result
}

/// Request and the connection on which it is answered.
struct Exchange<'a> {
    server: &'a Server,
    peer: Peer,
    request: Request,
}

impl Exchange<'_> {
    fn serve(&mut self) -> io::Result<()> {
        if self.request.method == "OPTIONS" {
            return self.permit();
        }
        match &*self.request.path {
            "/events" | "/request" => match Script::read(&self.request) {
                Some(script) => self.play(&script),
                None => self.respond(400, "", "invalid parameter"),
            },
            "/redirect" => {
                let status = self.request.text("status").and_then(|text| number(&text));
                let place = self.request.text("to").unwrap_or_default();
                self.respond(status.unwrap_or(302), &format!("Location: {place}\r\n"), "")
            }
            "/cookie" => {
                let value = self.request.text("value").unwrap_or_default();
                self.respond(200, &format!("Set-Cookie: who={value}; Path=/\r\n"), "")
            }
            "/stats" => self.write_stats(),
            "/down" => self.go_down(),
            _ => self.respond(404, "", "not found"),
        }
    }

    /// Answers a CORS preflight, which browsers send before a request to another origin that is not simple.
    fn permit(&mut self) -> io::Result<()> {
        self.count(|counts| counts.preflights += 1);
        let asked = |name| self.request.header(name).unwrap_or_default();
        let permission = format!(
            "Access-Control-Allow-Methods: {}\r\nAccess-Control-Allow-Headers: {}\r\n",
            asked("access-control-request-method"),
            asked("access-control-request-headers"),
        );
        self.respond(204, &permission, "")
    }

    fn write_stats(&mut self) -> io::Result<()> {
        let counts = self.count(|_| {});
        let told = json!({
            "preflights": counts.preflights,
            "requests": counts.requests,
            // Does not count this request.
            "open": counts.open - 1,
            "cancelled": counts.cancelled,
            "bytes": counts.bytes,
        });
        self.respond(200, "", &told.to_string())
    }

    fn go_down(&mut self) -> io::Result<()> {
        let time = self.request.text("ms").and_then(|text| number(&text));
        self.respond(200, "", "soon")?;
        let pause = Duration::from_millis(time.unwrap_or(0));
        self.server.go_down(pause);
        Ok(())
    }

    fn play(&mut self, script: &Script) -> io::Result<()> {
        let number = self.count(|counts| counts.requests += 1).requests;
        self.peer.wait(script.late.unwrap_or_default())?;
        if let Some(status) = script.status.filter(|_| number <= script.times) {
            let after = script.after.as_ref();
            let after = after.map(|value| format!("Retry-After: {value}\r\n"));
            let headers = format!(
                "Content-Type: {}\r\nX-Told: yes\r\nX-Untold: yes\r\n{}",
                script.content_type,
                after.unwrap_or_default()
            );
            let body = format!("answer {number} is {status}: é€");
            return self.respond(status, &headers, &body);
        }
        match script.seen(&self.request) {
            None => self.respond(400, "", "invalid last event ID"),
            Some(seen) if seen >= script.count => self.respond(204, "", ""),
            Some(seen) => self.stream(script, seen),
        }
    }

    fn stream(&mut self, script: &Script, seen: u64) -> io::Result<()> {
        let content_type = format!("Content-Type: {}\r\n", script.content_type);
        let head = self.head(200, &content_type) + "Transfer-Encoding: chunked\r\n\r\n";
        self.peer.write(head.as_bytes())?;
        self.peer.drip(script.drip);
        self.send(&script.head)?;
        let last = script.count.min(seen.saturating_add(script.take));
        let start = Instant::now();
        let due = |number: u64| start + script.every.mul_f64((number - seen - 1) as f64);
        let mut next = seen + 1;
        while next <= last {
            self.peer
                .wait(due(next).saturating_duration_since(Instant::now()))?;
            // Together with all other events that are due by then.
            let mut batch = Vec::new();
            while next <= last && due(next) <= Instant::now() && batch.len() < BATCH_BYTES {
                batch.extend_from_slice(&self.event(script, next));
                next += 1;
            }
            self.send(&batch)?;
        }
        self.send(&script.tail)?;
        if let (Then::Silence, Some(pause)) = (script.then, script.ping) {
            loop {
                self.peer.wait(pause)?;
                self.send(b"event: ping\ndata\n\n")?;
            }
        }
        self.peer.end(script.then)
    }

    fn event(&self, script: &Script, number: u64) -> Vec<u8> {
        let data = match &*self.request.path {
            "/request" => self.request.json().to_string(),
            _ => number.to_string(),
        };
        let pad = "x".repeat(script.pad);
        format!("id: {}{number}\ndata: {data}{pad}\n\n", script.id).into_bytes()
    }

    /// Sends a part of a stream and counts its bytes.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.peer.write_part(bytes)?;
        self.count(|counts| counts.bytes += bytes.len() as u64);
        Ok(())
    }

    fn respond(&mut self, status: u16, headers: &str, body: &str) -> io::Result<()> {
        let mut response = self.head(status, headers);
        if status != 204 {
            response += &format!("Content-Length: {}\r\n", body.len());
        }
        self.peer.write(format!("{response}\r\n{body}").as_bytes())
    }

    /// Returns the head of a response, without the blank line at its end.
    fn head(&self, status: u16, headers: &str) -> String {
        let origin = self.request.header("origin").unwrap_or("*");
        format!(
            "HTTP/1.1 {status} As Asked\r\n\
             {headers}\
             Cache-Control: no-store\r\n\
             Access-Control-Allow-Origin: {origin}\r\n\
             Access-Control-Allow-Credentials: true\r\n\
             Access-Control-Expose-Headers: Retry-After, X-Told\r\n\
             Connection: close\r\n"
        )
    }

    fn count(&self, change: impl FnOnce(&mut Stats)) -> Stats {
        let key = self.request.text("key").unwrap_or_default();
        self.server.count(&key, change)
    }
}
