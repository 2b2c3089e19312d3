//! Runs a session through any steps of a driver, and checks its invariants after each step.

use core::time::Duration;

use sse_proto::{
    Chunk, EventId,
    client::{
        Action, ClientConfig, DisconnectReason, Session, SessionEvent, SessionOutput, Verdict,
    },
};

const MIN_DELAY: Duration = Duration::from_millis(500);
const MAX_DELAY: Duration = Duration::from_secs(20);
const MAX_ID_BYTES: usize = 12;

/// State of the driver's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    None,
    Sent,
    Open,
}

/// Driver that takes all actions, and records the state that it expects.
struct Driver {
    session: Session,
    now: Duration,
    request: Request,
    /// Earliest time of the next connection.
    earliest: Duration,
    is_over: bool,
    /// Last event ID that was committed or set.
    last_event_id: String,
}

/// Runs the steps of the input. A byte selects a step, and the bytes after it are its arguments.
pub(crate) fn run(input: &[u8]) {
    let (setup, steps) = input.split_first().unwrap_or((&0, &[]));
    let mut config = ClientConfig::default()
        .min_delay(MIN_DELAY)
        .max_delay(MAX_DELAY)
        .max_id_bytes(MAX_ID_BYTES)
        .max_event_bytes(64);
    if setup & 1 == 1 {
        config = config.retry_server_errors(false);
    }
    if setup & 2 == 2 {
        config = config.idle_timeout(Some(Duration::from_secs(5)));
    }
    if setup & 4 == 4 {
        config = config.jitter(false);
    }
    if setup & 8 == 8 {
        config = config.head_timeout(None);
    }
    let mut driver = Driver {
        session: Session::new(config, u64::from(*setup), Duration::ZERO),
        now: Duration::ZERO,
        request: Request::None,
        earliest: Duration::ZERO,
        is_over: false,
        last_event_id: String::new(),
    };
    driver.check();
    let mut steps = steps.iter().copied();
    while let Some(step) = steps.next() {
        driver.step(step, &mut steps);
        driver.check();
    }
}

impl Driver {
    fn step(&mut self, step: u8, arguments: &mut impl Iterator<Item = u8>) {
        let mut next = || arguments.next().unwrap_or_default();
        let now = self.now;
        match step % 9 {
            0 => {
                const STATUSES: [u16; 12] =
                    [200, 204, 301, 400, 401, 404, 408, 425, 429, 431, 503, 599];
                let status = STATUSES[usize::from(next()) % STATUSES.len()];
                let asked = Duration::from_secs(next().into());
                let retry_after = Some(asked).filter(|asked| !asked.is_zero());
                let had_id = !self.session.last_event_id().is_empty();
                let was_under_way = self.request == Request::Sent;
                let content_type = (next() % 4 > 0).then_some(&b"text/event-stream"[..]);
                let is_stream = status == 200 && content_type.is_some();
                let verdict = self.session.handle_response(status, content_type, now);
                assert_eq!(verdict != Verdict::Ignored, was_under_way);
                assert_eq!(verdict == Verdict::Stream, was_under_way && is_stream);
                let decision = next() % 4;
                match verdict {
                    Verdict::Stream => self.request = Request::Open,
                    Verdict::Unexpected { reason, is_retried } => {
                        assert_eq!(self.session.poll_timeout(), None);
                        // The driver can still be reading the body.
                        if decision < 3 {
                            let retry = [false, true, is_retried][usize::from(decision)];
                            self.session.handle_unexpected_response(
                                reason,
                                retry,
                                retry_after,
                                now,
                            );
                            self.request = Request::None;
                        }
                    }
                    _ => {}
                }
                // Only a refusal can drop an ID.
                if self.session.last_event_id().is_empty() && had_id {
                    assert!(was_under_way && [400, 431].contains(&status), "{status}");
                    self.last_event_id.clear();
                }
            }
            1 => {
                const STREAMS: [&str; 8] = [
                    "data: a\n\n",
                    ": c\n\n",
                    "retry: 0\n\n",
                    "retry: 99999999999999999999\n\n",
                    "id: 1\ndata: a\n\n",
                    "id: 123456789012\n\n",
                    "id: 1234567890123\ndata\n\n",
                    "id\n\n",
                ];
                let index = usize::from(next()) % STREAMS.len();
                let mut chunk = Chunk::from(STREAMS[index]);
                let mut items = 0;
                loop {
                    match self.session.decode_owned(&mut chunk, now) {
                        Ok(None) => break,
                        Ok(Some(_)) | Err(_) => items += 1,
                    }
                }
                assert!(chunk.rest().is_empty());
                if self.request == Request::Open {
                    match index {
                        4 => self.last_event_id = "1".into(),
                        5 => self.last_event_id = "123456789012".into(),
                        7 => self.last_event_id.clear(),
                        _ => {}
                    }
                } else {
                    assert_eq!(items, 0, "a stream that is not open yields no items");
                }
            }
            2 => {
                self.session.handle_end_of_stream(now);
                self.request = Request::None;
            }
            3 => {
                match (&self.request, next() % 2) {
                    (Request::Sent, 0) => self.session.handle_preparation_error(now),
                    _ => self.session.handle_network_error(now),
                }
                self.request = Request::None;
            }
            4 => self.now += Duration::from_millis(100 * u64::from(next())),
            5 => {
                if let Some(time) = self.session.poll_timeout() {
                    self.now = self.now.max(time);
                }
            }
            6 => {
                self.earliest = now;
                self.session.reconnect(now);
            }
            7 => {
                let id = EventId::new("x".repeat(usize::from(next() % 16))).expect("valid");
                let is_set = self.session.set_last_event_id(&id);
                assert_eq!(is_set.is_ok(), id.len() <= MAX_ID_BYTES);
                if is_set.is_ok() {
                    self.last_event_id = id.to_string();
                }
            }
            _ if next() > 200 => self.session.close(),
            _ => self.session.handle_event(now),
        }
        let due = self.session.poll_timeout();
        self.session.handle_timeout(self.now);
        if due.is_some_and(|due| due <= self.now) && self.request != Request::None {
            // The request timed out, so an abort follows, unless it got a grace period.
            assert_ne!(self.session.poll_timeout(), due);
        }
    }

    /// Checks the invariants after a step.
    fn check(&mut self) {
        let (mut aborts, mut connects, mut closed) = (0, 0, 0);
        while let Some(output) = self.session.poll_output() {
            let change = match output {
                SessionOutput::Action(Action::Abort) => {
                    aborts += 1;
                    assert_eq!(connects, 0, "an abort comes before the next request");
                    self.request = Request::None;
                    continue;
                }
                SessionOutput::Action(Action::Connect) => {
                    connects += 1;
                    assert_eq!(self.request, Request::None, "one request at a time");
                    assert!(self.now >= self.earliest, "no connection before the delay");
                    self.request = Request::Sent;
                    continue;
                }
                SessionOutput::Event(change) => change,
                _ => panic!("{output:?}"),
            };
            assert!(!self.is_over, "no change after the end: {change:?}");
            match change {
                SessionEvent::Open => assert_eq!(self.request, Request::Open),
                SessionEvent::Disconnected { reason, delay } => {
                    let least = if reason == DisconnectReason::Requested {
                        Duration::ZERO
                    } else {
                        MIN_DELAY
                    };
                    assert!(
                        (least..=MAX_DELAY).contains(&delay),
                        "{reason:?}: {delay:?}"
                    );
                    self.earliest = self.now.saturating_add(least);
                }
                SessionEvent::Closed(_) => {
                    closed += 1;
                    self.is_over = true;
                }
                SessionEvent::LastEventIdDropped { length, .. } => {
                    assert!((1..=MAX_ID_BYTES).contains(&length));
                    assert!(self.session.last_event_id().is_empty());
                }
                _ => {}
            }
        }
        assert!(aborts <= 1 && connects <= 1 && closed <= 1);
        assert_eq!(self.session.is_closed(), self.is_over);
        if self.is_over {
            assert_eq!(connects, 0, "closed stays closed");
            assert_eq!(self.session.poll_timeout(), None);
        }
        if let Some(time) = self.session.poll_timeout() {
            assert!(time > self.now, "no timeout is overdue");
        }
        assert_eq!(self.session.last_event_id(), self.last_event_id);
    }
}
