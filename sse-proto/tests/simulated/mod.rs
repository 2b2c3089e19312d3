//! Session of a client in simulated time.

use core::time::Duration;

use sse_proto::{
    Chunk, Item,
    client::{
        Action, ClientConfig, DisconnectReason, Session, SessionEvent, SessionOutput, Verdict,
    },
};

pub(crate) mod steps;

pub(crate) const EVENTS: Option<&[u8]> = Some(b"text/event-stream");

/// Session with a clock, and a record of its outputs.
pub(crate) struct Source {
    pub(crate) session: Session,
    pub(crate) now: Duration,
    pub(crate) actions: Vec<Action>,
    pub(crate) changes: Vec<SessionEvent>,
    pub(crate) data: Vec<String>,
}

impl Source {
    pub(crate) fn new(config: ClientConfig) -> Self {
        let mut source = Self {
            session: Session::new(config, 7, Duration::ZERO),
            now: Duration::ZERO,
            actions: Vec::new(),
            changes: Vec::new(),
            data: Vec::new(),
        };
        source.drain();
        assert_eq!(source.take_actions(), [Action::Connect]);
        source
    }

    pub(crate) fn open(config: ClientConfig) -> Self {
        let mut source = Self::new(config);
        source.respond(200, EVENTS);
        assert_eq!(source.take_changes(), [SessionEvent::Open]);
        source
    }

    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                SessionOutput::Action(action) => self.actions.push(action),
                SessionOutput::Event(event) => self.changes.push(event),
                _ => panic!("{output:?}"),
            }
        }
    }

    pub(crate) fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    pub(crate) fn take_changes(&mut self) -> Vec<SessionEvent> {
        std::mem::take(&mut self.changes)
    }

    /// Returns the delay of the only change, a disconnection with this reason, in milliseconds.
    pub(crate) fn disconnected(&mut self, expected: DisconnectReason) -> u128 {
        match self.take_changes()[..] {
            [SessionEvent::Disconnected { reason, delay }] if reason == expected => {
                delay.as_millis()
            }
            ref changes => panic!("expected {expected:?}, got {changes:?}"),
        }
    }

    pub(crate) fn respond(&mut self, status: u16, content_type: Option<&[u8]>) {
        let verdict = self.session.handle_response(status, content_type, self.now);
        if let Verdict::Unexpected { reason, is_retried } = verdict {
            self.session
                .handle_unexpected_response(reason, is_retried, None, self.now);
        }
        self.drain();
    }

    pub(crate) fn receive(&mut self, stream: &str) {
        let mut chunk = Chunk::from(stream);
        loop {
            match self.session.decode(&mut chunk, self.now) {
                Ok(None) => break,
                Ok(Some(Item::Event(event))) => self.data.push(event.data.to_owned()),
                Ok(Some(_)) => {}
                Err(error) => self.data.push(error.to_string()),
            }
        }
        assert!(chunk.rest().is_empty());
        self.drain();
    }

    pub(crate) fn end(&mut self) {
        self.session.handle_end_of_stream(self.now);
        self.drain();
    }

    pub(crate) fn fail(&mut self) {
        self.session.handle_network_error(self.now);
        self.drain();
    }

    /// Advances the time to the next timeout.
    pub(crate) fn sleep(&mut self) -> Duration {
        let next = self.session.poll_timeout().expect("a timeout");
        let before = next - Duration::from_millis(1);
        let actions = self.actions.len();
        self.session.handle_timeout(before.max(self.now));
        self.drain();
        assert_eq!(self.actions.len(), actions, "no action before the timeout");
        let slept = next - self.now;
        self.now = next;
        self.session.handle_timeout(next);
        self.drain();
        slept
    }
}
