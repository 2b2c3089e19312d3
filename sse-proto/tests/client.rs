//! Tests the session of a client on every path, in simulated time.

mod simulated;

use core::time::Duration;

use simulated::{EVENTS, Source};
use sse_proto::{
    Chunk, EventId,
    client::{
        Action, ClientConfig, DisconnectReason, Session, SessionEvent, SessionOutput, Verdict,
    },
};

#[test]
fn events_come_and_the_stream_is_taken_up_again() {
    let mut source = Source::open(ClientConfig::default());
    source.receive("id: 1\ndata: a\n\nid: 2\ndata: b\n\ndata: cut");
    assert_eq!(source.data, ["a", "b"]);
    source.end();
    let delay = source.disconnected(DisconnectReason::Truncated);
    assert!((3000..=3750).contains(&delay), "{delay}");
    assert_eq!(
        source.take_actions(),
        [],
        "no reconnection before the delay"
    );
    assert_eq!(source.sleep().as_millis(), delay);
    assert_eq!(source.take_actions(), [Action::Connect]);
    assert_eq!(source.session.last_event_id(), "2");

    source.respond(200, EVENTS);
    source.receive("\u{FEFF}data: c\n\n");
    assert_eq!(
        source.data,
        ["a", "b", "c"],
        "skips the byte order mark, and drops the unfinished event"
    );
    for _ in 0..3 {
        source.end();
        source.sleep();
        source.respond(200, EVENTS);
    }
    assert_eq!(
        source.session.last_event_id(),
        "2",
        "kept over any number of connections"
    );
    source.receive("id\n\n");
    assert_eq!(source.session.last_event_id(), "", "an empty ID clears it");
}

#[test]
fn it_can_go_on_from_an_earlier_id() {
    let mut source = Source::new(ClientConfig::default());
    source
        .session
        .set_last_event_id(&EventId::from(41))
        .unwrap();
    assert_eq!(source.session.last_event_id(), "41");
    let long = EventId::new("x".repeat(8 * 1024 + 1)).unwrap();
    let error = source.session.set_last_event_id(&long).unwrap_err();
    assert_eq!(error.to_string(), "event ID is 8193 bytes, limit is 8192");
    assert_eq!(source.session.last_event_id(), "41");
}

#[test]
fn an_id_that_is_too_long_is_told_and_the_one_before_is_sent() {
    let config = ClientConfig::default().max_id_bytes(5);
    let mut source = Source::open(config);
    source.receive("id: 1\ndata: a\n\nid: 123456\ndata: b\n\n");
    let error = "event ID at byte 15 of the stream is 6 bytes, limit is 5";
    assert_eq!(source.data, ["a", error, "b"]);
    assert_eq!(source.session.last_event_id(), "1");
    source.end();
    source.sleep();
    assert_eq!(source.session.last_event_id(), "1");
}

#[test]
fn a_request_that_is_refused_for_its_id_is_sent_once_without_it() {
    let long = "x".repeat(1025);
    for (status, id) in [(431, "7"), (431, &*long), (400, &*long)] {
        let mut source = Source::open(ClientConfig::default());
        source.receive(&format!("id: {id}\ndata: a\n\n"));
        source.end();
        source.disconnected(DisconnectReason::EndOfStream);
        source.sleep();
        source.take_actions();
        assert_eq!(source.session.last_event_id(), id);

        source.respond(status, None);
        let changes = source.take_changes();
        let [
            SessionEvent::LastEventIdDropped { length, .. },
            SessionEvent::Disconnected { reason, delay },
        ] = changes[..]
        else {
            panic!("{changes:?}");
        };
        assert_eq!(
            (length, reason),
            (id.len(), DisconnectReason::Status(status))
        );
        assert!(delay >= Duration::from_millis(500), "{delay:?}");
        assert_eq!(source.take_actions(), []);
        source.sleep();
        assert_eq!(source.take_actions(), [Action::Connect]);
        assert_eq!(source.session.last_event_id(), "");

        // The ID was not the cause of the refusal.
        source.respond(status, None);
        let closed = SessionEvent::Closed(DisconnectReason::Status(status));
        assert_eq!(source.take_changes(), [closed]);
    }
}

#[test]
fn a_refusal_that_is_not_for_the_id_is_the_end() {
    let long = "x".repeat(1025);
    for (config, status, id) in [
        (ClientConfig::default(), 431, ""),
        (ClientConfig::default(), 400, "short"),
        (ClientConfig::default(), 414, &*long),
        (
            ClientConfig::default().retry_server_errors(false),
            431,
            &*long,
        ),
        (
            ClientConfig::default().retry_server_errors(false),
            400,
            &*long,
        ),
    ] {
        let mut source = Source::new(config);
        let id = EventId::new(id).unwrap();
        source.session.set_last_event_id(&id).unwrap();
        source.respond(status, None);
        let closed = SessionEvent::Closed(DisconnectReason::Status(status));
        assert_eq!(source.take_changes(), [closed]);
        assert_eq!(source.session.last_event_id(), id.as_str());
    }
}

#[test]
fn failures_double_the_delay_up_to_a_limit_and_success_resets_it() {
    let mut source = Source::new(ClientConfig::default());
    let mut least = 3000;
    for _ in 0..12 {
        source.fail();
        let delay = source.disconnected(DisconnectReason::NetworkError);
        assert!(
            (least..=least + least / 4).contains(&delay),
            "{least}: {delay}"
        );
        source.sleep();
        assert_eq!(source.take_actions(), [Action::Connect]);
        least = (least * 2).min(60_000);
    }
    // An open connection is not a success yet.
    source.respond(200, EVENTS);
    source.take_changes();
    source.end();
    assert!(source.disconnected(DisconnectReason::EndOfStream) >= 60_000);
    source.sleep();
    source.respond(200, EVENTS);
    source.take_changes();
    source.receive(": a comment is not a success either\n");
    source.end();
    assert!(source.disconnected(DisconnectReason::EndOfStream) >= 60_000);
    source.sleep();
    source.respond(200, EVENTS);
    source.take_changes();
    source.receive("data: an event is a success\n\n");
    source.end();
    assert!(source.disconnected(DisconnectReason::EndOfStream) <= 3750);

    // A stream that breaks after a long time is also a success.
    for _ in 0..5 {
        source.sleep();
        source.fail();
        source.take_changes();
    }
    source.sleep();
    source.respond(200, EVENTS);
    source.take_changes();
    source.now += Duration::from_secs(60);
    source.fail();
    assert!(source.disconnected(DisconnectReason::NetworkError) <= 3750);
}

/// Proxies end streams without events after 30 s or 60 s.
#[test]
fn a_quiet_stream_that_lives_as_long_as_its_delay_is_a_success() {
    for (retry, lives, ends, base) in [
        ("1000", 29_000, true, 1000),
        ("1000", 1000, true, 1000),
        ("1000", 999, true, 0),
        ("0", 500, true, 500),
        ("0", 499, true, 0),
        ("3000", 3000, true, 3000),
        ("60000", 60_000, true, 60_000),
        ("60000", 59_999, true, 0),
        ("1000", 8000, false, 1000),
        ("1000", 7999, false, 0),
        ("30000", 60_000, false, 30_000),
    ] {
        let config = ClientConfig::default().jitter(false);
        let mut source = Source::open(config.max_backoff(Duration::from_secs(240)));
        let mut delays = Vec::new();
        for _ in 0..3 {
            source.receive(&format!("retry: {retry}\n: quiet\n\n"));
            source.now += Duration::from_millis(lives);
            delays.push(if ends {
                source.end();
                source.disconnected(DisconnectReason::EndOfStream)
            } else {
                source.fail();
                source.disconnected(DisconnectReason::NetworkError)
            });
            source.sleep();
            source.respond(200, EVENTS);
            source.take_changes();
        }
        let is_success = base > 0;
        assert_eq!(
            delays[1] == delays[0],
            is_success,
            "{retry}, {lives}: {delays:?}"
        );
        assert_eq!(
            delays[2] == delays[0],
            is_success,
            "{retry}, {lives}: {delays:?}"
        );
        if is_success {
            assert_eq!(delays[0], base, "{retry}, {lives}");
        }
    }
}

#[test]
fn a_stream_that_ends_inside_an_event_is_told() {
    for (stream, reason) in [
        ("data: a\n", DisconnectReason::Truncated),
        ("data: a", DisconnectReason::Truncated),
        ("da", DisconnectReason::Truncated),
        (
            "data: a\n\nevent: completed\ndata: {}\n",
            DisconnectReason::Truncated,
        ),
        ("event: a\n", DisconnectReason::Truncated),
        ("id: 1\r\n", DisconnectReason::Truncated),
        (": a comment\ndata: a\n", DisconnectReason::Truncated),
        ("data: a\n: a comment\n", DisconnectReason::Truncated),
        ("retry: 500\ndata", DisconnectReason::Truncated),
        ("data: a\n\n", DisconnectReason::EndOfStream),
        ("data: a\r\n\r", DisconnectReason::EndOfStream),
        ("id: 1\n\n", DisconnectReason::EndOfStream),
        ("data: a\n\n: cut", DisconnectReason::EndOfStream),
        ("data: a\n\n: a comment\n", DisconnectReason::EndOfStream),
        ("retry: 500\n", DisconnectReason::EndOfStream),
        ("", DisconnectReason::EndOfStream),
        ("\u{FEFF}", DisconnectReason::EndOfStream),
    ] {
        let mut source = Source::open(ClientConfig::default());
        source.receive(stream);
        source.end();
        source.disconnected(reason);
        // The next connection starts without the unfinished event.
        source.sleep();
        source.respond(200, EVENTS);
        source.take_changes();
        source.end();
        source.disconnected(DisconnectReason::EndOfStream);
    }
    // A broken stream may have been cut at any byte.
    let mut source = Source::open(ClientConfig::default());
    source.receive("data: a\n");
    source.fail();
    source.disconnected(DisconnectReason::NetworkError);
    // An event that is too large was already reported.
    let mut source = Source::open(ClientConfig::default().max_event_bytes(10));
    source.receive("data: 12345678\ndata: a\n");
    source.end();
    source.disconnected(DisconnectReason::EndOfStream);
}

/// The client would ask the server for the event again, forever, if it did not keep the ID.
#[test]
fn the_source_goes_on_after_an_event_that_is_too_large_and_cut() {
    let large = "x".repeat(100);
    for stream in [
        format!("id: 2\ndata: {large}"),
        format!("id: 2\ndata: {large}\n"),
        format!("id: 2\nevent: {large}"),
        format!("data: {large}\nid: 2\n"),
        format!("data: {large}\nid: 2\ndata"),
        format!("data: {large}\nid: 2\n\n"),
    ] {
        let mut source = Source::open(ClientConfig::default().max_event_bytes(50));
        source.receive("id: 1\ndata: a\n\n");
        source.receive(&stream);
        let error = "the event at byte 15 of the stream is larger than the limit of 50 bytes";
        assert_eq!(source.data, ["a", error], "{stream}");
        source.fail();
        source.disconnected(DisconnectReason::NetworkError);
        assert_eq!(source.session.last_event_id(), "2", "{stream}");
    }
}

/// A server that wants to be polled sends the ID to resume from, and ends the stream.
#[test]
fn an_id_without_data_is_a_success() {
    for (stream, is_success) in [
        ("id: 1\n\n", true),
        ("retry: 500\nid: 1\n\n", true),
        ("id\n\n", true),
        ("id: a\0b\n\n", false),
        ("event: a\n\n", false),
        (": 1\n\n", false),
        ("", false),
    ] {
        let config = ClientConfig::default().jitter(false);
        let mut source = Source::open(
            config
                .min_delay(Duration::from_millis(500))
                .max_delay(Duration::from_secs(300)),
        );
        source.receive("retry: 500\n");
        let mut delays = Vec::new();
        for _ in 0..4 {
            source.receive(stream);
            source.end();
            delays.push(source.disconnected(DisconnectReason::EndOfStream));
            source.sleep();
            source.respond(200, EVENTS);
            source.take_changes();
        }
        let expected = match is_success {
            true => [500, 500, 500, 500],
            false => [500, 1000, 2000, 4000],
        };
        assert_eq!(delays, expected, "{stream:?}");
    }
}

#[test]
fn a_stream_sets_the_delay_within_bounds() {
    for (retry, least, most) in [
        ("1000", 1000, 1250),
        ("0", 500, 625),
        ("100000000000000000000", 300_000, 300_000),
        ("240000", 240_000, 300_000),
    ] {
        let mut source = Source::open(ClientConfig::default());
        source.receive(&format!("retry: {retry}\n"));
        source.receive("data: a\n\n");
        for attempt in 0..5 {
            source.end();
            let delay = source.disconnected(DisconnectReason::EndOfStream);
            assert!(
                (least..=most).contains(&delay),
                "{retry}, {attempt}: {delay}"
            );
            source.sleep();
            source.respond(200, EVENTS);
            source.take_changes();
            source.receive("data: a\n\n");
        }
    }
}

#[test]
fn clients_spread_and_a_seed_repeats_itself() {
    let delays = |seed| {
        let mut session = Session::new(ClientConfig::default(), seed, Duration::ZERO);
        session.handle_network_error(Duration::ZERO);
        session.poll_timeout()
    };
    let mut all: Vec<_> = (0..100).map(delays).collect();
    assert_eq!(all, (0..100).map(delays).collect::<Vec<_>>());
    all.sort();
    all.dedup();
    assert!(all.len() > 50, "{}", all.len());
}

#[test]
fn a_client_that_does_as_browsers_do_waits_as_long_as_it_is_told() {
    let mut source = Source::open(ClientConfig::default().jitter(false));
    source.receive("retry: 2000\ndata: a\n\n");
    source.end();
    assert_eq!(source.disconnected(DisconnectReason::EndOfStream), 2000);
    source.sleep();
    source.fail();
    assert_eq!(source.disconnected(DisconnectReason::NetworkError), 4000);
}

#[test]
fn a_response_that_is_no_event_stream_is_the_end() {
    for (status, content_type, reason) in [
        (200, Some(&b"text/html"[..]), DisconnectReason::ContentType),
        (200, None, DisconnectReason::ContentType),
        (204, EVENTS, DisconnectReason::Status(204)),
        (301, None, DisconnectReason::Status(301)),
        (401, EVENTS, DisconnectReason::Status(401)),
        (404, None, DisconnectReason::Status(404)),
        (600, None, DisconnectReason::Status(600)),
    ] {
        let mut source = Source::new(ClientConfig::default());
        source.respond(status, content_type);
        assert_eq!(source.take_changes(), [SessionEvent::Closed(reason)]);
        assert_eq!(source.take_actions(), []);
        assert!(source.session.is_closed());
        assert_eq!(source.session.poll_timeout(), None);

        // The session stays closed.
        source.session.reconnect(source.now);
        source.respond(200, EVENTS);
        source.receive("data: a\n\n");
        source.fail();
        source.session.close();
        source.drain();
        assert_eq!(
            (source.take_actions(), source.take_changes()),
            (vec![], vec![])
        );
        assert!(source.data.is_empty());
    }
}

#[test]
fn a_status_that_says_not_now_is_tried_again_unless_the_standard_is_asked_for() {
    for status in [408, 425, 429, 500, 502, 503, 504, 599] {
        let mut source = Source::new(ClientConfig::default());
        source.respond(status, None);
        assert_eq!(source.take_actions(), []);
        assert!(source.disconnected(DisconnectReason::Status(status)) >= 3000);

        let mut source = Source::new(ClientConfig::default().retry_server_errors(false));
        source.respond(status, EVENTS);
        assert_eq!(
            source.take_changes(),
            [SessionEvent::Closed(DisconnectReason::Status(status))]
        );
    }
    for (asked, least, most) in [
        (1, 3000, 3750),
        (20, 20_000, 20_000),
        (9999, 300_000, 300_000),
    ] {
        let mut source = Source::new(ClientConfig::default());
        let retry_after = Some(Duration::from_secs(asked));
        let reason = DisconnectReason::Status(503);
        let verdict = source.session.handle_response(503, None, source.now);
        let is_retried = true;
        assert_eq!(verdict, Verdict::Unexpected { reason, is_retried });
        source
            .session
            .handle_unexpected_response(reason, is_retried, retry_after, source.now);
        source.drain();
        let delay = source.disconnected(reason);
        assert!((least..=most).contains(&delay), "{delay}");
    }
}

#[test]
fn the_driver_can_decide_what_is_retried() {
    let closed = |reason| vec![SessionEvent::Closed(reason)];
    for (reason, is_retried) in [
        (DisconnectReason::Status(401), false),
        (DisconnectReason::Status(503), true),
        (DisconnectReason::Status(204), false),
        (DisconnectReason::ContentType, false),
    ] {
        let mut source = Source::new(ClientConfig::default());
        let status = match reason {
            DisconnectReason::Status(status) => status,
            _ => 200,
        };
        let expected = Verdict::Unexpected { reason, is_retried };
        let verdict = source.session.handle_response(status, None, source.now);
        assert_eq!(verdict, expected);
        assert_eq!(source.session.poll_timeout(), None, "time to read the body");
        source
            .session
            .handle_unexpected_response(reason, false, None, source.now);
        source.drain();
        assert_eq!(source.take_changes(), closed(reason));

        let mut source = Source::new(ClientConfig::default().one_shot());
        let is_retried = false;
        let expected = Verdict::Unexpected { reason, is_retried };
        let verdict = source.session.handle_response(status, None, source.now);
        assert_eq!(verdict, expected);
        for attempt in 1..=40 {
            let asked = Some(Duration::from_secs(77));
            source
                .session
                .handle_unexpected_response(reason, true, asked, source.now);
            source.drain();
            assert!(source.disconnected(reason) >= 77_000);
            assert_eq!(source.session.failed_attempts(), attempt);
            assert_eq!(source.take_actions(), []);
            source.sleep();
            assert_eq!(source.take_actions(), [Action::Connect]);
        }
        source.respond(200, EVENTS);
        source.receive("data: a\n\n");
        assert_eq!(source.session.failed_attempts(), 0);
    }
}

#[test]
fn a_refusal_for_the_id_that_is_retried_drops_the_id() {
    let mut source = Source::new(ClientConfig::default().retry_server_errors(false));
    let id = EventId::from(7);
    source.session.set_last_event_id(&id).unwrap();
    let reason = DisconnectReason::Status(431);
    let verdict = source.session.handle_response(431, None, source.now);
    let is_retried = false;
    assert_eq!(verdict, Verdict::Unexpected { reason, is_retried });
    source
        .session
        .handle_unexpected_response(reason, true, None, source.now);
    source.drain();
    let changes = source.take_changes();
    assert!(
        matches!(
            changes[..],
            [SessionEvent::LastEventIdDropped { length: 1, .. }, _]
        ),
        "{changes:?}"
    );
    assert_eq!(source.session.last_event_id(), "");
}

#[test]
fn a_request_that_cannot_be_prepared_is_tried_again() {
    let mut source = Source::new(ClientConfig::default());
    for attempt in 1..4 {
        source.session.handle_preparation_error(source.now);
        source.drain();
        let least = 3000 << (attempt - 1);
        assert!(source.disconnected(DisconnectReason::Preparation) >= least);
        assert_eq!(source.session.failed_attempts(), attempt);
        source.sleep();
    }
    source.respond(200, EVENTS);
    source.take_changes();
    source.session.handle_preparation_error(source.now);
    source.drain();
    assert_eq!(source.take_changes(), [], "a stream is already open");
}

#[test]
fn a_head_that_does_not_come_in_time_is_given_up() {
    let minute = Duration::from_secs(60);
    for (config, expected) in [
        (ClientConfig::default(), Some(5 * minute)),
        (ClientConfig::default().one_shot(), None),
        (ClientConfig::default().head_timeout(None), None),
        (
            ClientConfig::default()
                .head_timeout(Some(minute))
                .one_shot(),
            Some(minute),
        ),
    ] {
        let source = Source::new(config);
        assert_eq!(source.session.poll_timeout(), expected);
    }
    let mut source = Source::new(ClientConfig::default());
    source.sleep();
    assert_eq!(source.take_actions(), [Action::Abort]);
    source.disconnected(DisconnectReason::HeadTimeout);
    // Later inputs for the aborted request have no effect.
    source.respond(200, EVENTS);
    source.fail();
    source.receive("data: a\n\n");
    assert_eq!(
        (source.take_actions(), source.take_changes()),
        (vec![], vec![])
    );
}

#[test]
fn a_stream_that_is_quiet_for_too_long_is_given_up() {
    let idle = Duration::from_secs(40);
    let mut source = Source::open(ClientConfig::default().idle_timeout(Some(idle)));
    for part in [": keep-alive\n", "da", "ta: a\n\n"] {
        source.now += Duration::from_secs(39);
        source.session.handle_timeout(source.now);
        source.receive(part);
    }
    assert_eq!(source.take_changes(), []);
    assert_eq!(source.sleep(), idle);
    assert_eq!(source.take_actions(), [Action::Abort]);
    assert!(source.disconnected(DisconnectReason::IdleTimeout) <= 3750);
    source.sleep();
    assert_eq!(source.take_actions(), [Action::Connect]);

    let source = Source::open(ClientConfig::default());
    assert_eq!(
        source.session.poll_timeout(),
        None,
        "no idle timeout by default"
    );
}

/// The driver may have been busy, so that it has not read yet what arrived.
#[test]
fn a_late_timeout_has_a_grace_period() {
    let (idle, second) = (Duration::from_secs(40), Duration::from_secs(1));
    let config = || ClientConfig::default().idle_timeout(Some(idle));
    let head = ClientConfig::default().head_timeout(Some(idle));
    for (mut source, reason) in [
        (Source::open(config()), DisconnectReason::IdleTimeout),
        (Source::new(head), DisconnectReason::HeadTimeout),
    ] {
        source.now += idle + second;
        source.session.handle_timeout(source.now);
        source.drain();
        assert_eq!(source.take_changes(), []);
        assert_eq!(source.sleep(), Duration::from_millis(100));
        assert_eq!(source.take_actions(), [Action::Abort]);
        source.disconnected(reason);
    }

    let mut source = Source::open(config());
    source.now += idle + second;
    source.session.handle_timeout(source.now);
    source.receive(": it had arrived\n");
    assert_eq!(source.sleep(), idle);
    source.disconnected(DisconnectReason::IdleTimeout);

    // There is only one grace period, however late the second call is.
    let mut source = Source::open(config());
    for _ in 0..2 {
        source.now += idle + second;
        source.session.handle_timeout(source.now);
    }
    source.drain();
    source.disconnected(DisconnectReason::IdleTimeout);
}

#[test]
fn the_caller_can_close_at_any_time() {
    let close = |mut source: Source, actions: &[Action]| {
        source.session.close();
        source.drain();
        assert_eq!(source.take_actions(), actions);
        assert_eq!(
            source.take_changes(),
            [SessionEvent::Closed(DisconnectReason::Requested)]
        );
        assert_eq!(source.session.poll_timeout(), None);
        source.receive("data: a\n\n");
        assert!(source.data.is_empty());
    };
    close(Source::new(ClientConfig::default()), &[Action::Abort]);
    close(Source::open(ClientConfig::default()), &[Action::Abort]);
    let mut waiting = Source::open(ClientConfig::default());
    waiting.end();
    waiting.take_changes();
    close(waiting, &[]);

    // The driver has not started to connect yet.
    let mut session = Session::new(ClientConfig::default(), 0, Duration::ZERO);
    session.close();
    let closed = SessionEvent::Closed(DisconnectReason::Requested);
    for output in [
        SessionOutput::Action(Action::Abort),
        SessionOutput::Event(closed),
    ] {
        assert_eq!(session.poll_output(), Some(output));
    }
    assert_eq!(session.poll_output(), None);
}

#[test]
fn the_caller_can_connect_again_at_any_time() {
    for mut source in [
        Source::new(ClientConfig::default()),
        Source::open(ClientConfig::default()),
    ] {
        source.session.reconnect(source.now);
        source.drain();
        assert_eq!(source.take_actions(), [Action::Abort, Action::Connect]);
        assert_eq!(source.disconnected(DisconnectReason::Requested), 0);
        source.respond(200, EVENTS);
        assert_eq!(source.take_changes(), [SessionEvent::Open]);
    }
    let mut waiting = Source::open(ClientConfig::default());
    waiting.end();
    waiting.take_changes();
    waiting.session.reconnect(waiting.now);
    waiting.drain();
    assert_eq!(waiting.take_actions(), [Action::Connect]);
    assert_eq!(waiting.take_changes(), []);
}

#[test]
fn an_event_that_is_too_large_is_told_and_the_stream_goes_on() {
    let mut source = Source::open(ClientConfig::default().max_event_bytes(16));
    source.receive(&format!("data: {}\n\ndata: b\n\n", "a".repeat(20)));
    assert!(source.data[0].contains("16"), "{:?}", source.data);
    assert_eq!(source.data[1..], ["b"]);
    assert_eq!(source.take_changes(), []);
}

#[test]
fn bounds_and_limits_of_any_size_do_no_harm() {
    let config = ClientConfig::default()
        .reconnection_time(Duration::MAX)
        .min_delay(Duration::from_secs(2))
        .max_delay(Duration::from_secs(1))
        .max_backoff(Duration::MAX);
    let mut source = Source::new(config);
    for _ in 0..100 {
        source.fail();
        assert_eq!(source.disconnected(DisconnectReason::NetworkError), 2000);
        source.sleep();
        source.take_actions();
    }

    let config = ClientConfig::default()
        .reconnection_time(Duration::MAX)
        .min_delay(Duration::MAX)
        .max_delay(Duration::MAX)
        .head_timeout(Some(Duration::MAX))
        .idle_timeout(Some(Duration::MAX));
    let mut source = Source::new(config);
    source.now = Duration::from_secs(9);
    source.respond(200, EVENTS);
    source.receive("retry: 18446744073709551615\ndata: a\n\n");
    source.end();
    assert_eq!(source.session.poll_timeout(), Some(Duration::MAX));
}

/// Tests every field of the configuration, and every reported time, with 0, 1 and the maximum value.
#[test]
fn no_setting_and_no_time_overflows() {
    let times = [
        Duration::ZERO,
        Duration::from_nanos(1),
        Duration::from_secs(366 * 24 * 3600),
        Duration::MAX,
    ];
    let base = ClientConfig::default;
    for time in times {
        for other in times {
            for config in [
                base()
                    .reconnection_time(time)
                    .min_delay(other)
                    .max_delay(time),
                base().min_delay(time).max_delay(other),
                base().min_delay(time).max_delay(other).jitter(false),
                base().max_backoff(time).min_delay(time).max_delay(other),
                base().head_timeout(Some(time)).idle_timeout(Some(other)),
            ] {
                live(config, time, other);
            }
        }
    }
    for size in [0, 1, usize::MAX] {
        for id in [0, 1, usize::MAX] {
            let config = ClientConfig::default()
                .max_event_bytes(size)
                .max_id_bytes(id);
            live(config, Duration::MAX, Duration::ZERO);
        }
    }
}

/// Runs through all states. `asked` is the time that a server asks for, and `step` is the step of the clock.
fn live(config: ClientConfig, asked: Duration, step: Duration) {
    for seed in [0, 1, u64::MAX] {
        for start in [Duration::ZERO, Duration::MAX] {
            let mut session = Session::new(config.clone(), seed, start);
            let mut now = start;
            for status in [200, 503, 429, 200, 500] {
                let verdict = session.handle_response(status, EVENTS, now);
                if let Verdict::Unexpected { reason, is_retried } = verdict {
                    session.handle_unexpected_response(reason, is_retried, Some(asked), now);
                }
                let mut chunk = Chunk::from("retry: 18446744073709551616\nid: 1\ndata: a\n\n");
                while let Ok(Some(_)) | Err(_) = session.decode_owned(&mut chunk, now) {}
                now = now.saturating_add(step);
                session.handle_timeout(now);
                session.handle_network_error(now);
                let next = session.poll_timeout().unwrap_or(now);
                now = now.max(next);
                session.handle_timeout(now);
            }
            while session.poll_output().is_some() {}
            session.close();
            assert!(session.is_closed());
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(5000))]

    #[test]
    fn any_steps_of_a_driver_keep_its_promises(
        steps in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..120),
    ) {
        simulated::steps::run(&steps);
    }
}
