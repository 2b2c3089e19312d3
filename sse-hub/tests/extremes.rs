//! Tests of each setting at its limits: no panic, no overflow, and no authorizer that is asked in a tight loop.

mod support;

use core::{ops::RangeInclusive, time::Duration};
use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_core::{future::BoxFuture, stream::BoxStream};
use futures_util::{FutureExt, StreamExt, stream};
use sse_hub::{
    Backend, BackendError, Denied, Grant, Hub, HubConfig, LagPolicy, Publication, PublishError,
    Replayed, Retention, Sequenced, SubscribeError, Topic, TopicFilters, Update,
};
use sse_hyper::{Event, EventId};
use support::{publish, ready as read, sequenced_from_1, topic};
use tokio::time::{Instant, advance, timeout};

const YEAR: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Publishes and reads with all options.
fn use_all(config: HubConfig) {
    use_all_with(config, true);
}

/// Publishes and reads with all options. Without `replays`, events are too old for a replay at once.
fn use_all_with(config: HubConfig, replays: bool) {
    let hub = Hub::new(config);
    let mut subscription = hub.subscribe(topic("a"), None).unwrap();
    let text = read(&mut subscription);
    assert!(
        text.is_empty() || text.starts_with("event: position\n"),
        "{text}"
    );
    let mut ids = Vec::new();
    for n in 0..5 {
        let publication = Publication::new(topic("a"), Event::new(n.to_string())).with_key("k");
        ids.push(hub.publish(publication).now_or_never().unwrap().unwrap());
        let text = read(&mut subscription);
        assert!(text.ends_with(&format!("data: {n}\n\n")), "{text}");
    }
    assert!(ids.windows(2).all(|two| two[0] != two[1]), "{ids:?}");
    for lag_policy in [LagPolicy::Disconnect, LagPolicy::Skip, LagPolicy::Latest] {
        for id in [
            &ids[0],
            &ids[4],
            &EventId::from(0),
            &EventId::from(u64::MAX),
        ] {
            let builder = hub
                .subscription(topic("a"))
                .after(Some(id))
                .lag_policy(lag_policy);
            read(&mut builder.subscribe().unwrap());
        }
        for events in [0, 1, usize::MAX] {
            let builder = hub
                .subscription(topic("a"))
                .replay_last(events)
                .lag_policy(lag_policy);
            let text = read(&mut builder.subscribe().unwrap());
            assert_eq!(text.contains("data: 4\n"), events > 0 && replays, "{text}");
        }
        let builder = hub
            .subscription(TopicFilters::all())
            .from_start()
            .lag_policy(lag_policy);
        let text = read(&mut builder.subscribe().unwrap());
        // The latest event of a key is kept in any case.
        let is_there = replays || lag_policy == LagPolicy::Latest;
        assert_eq!(text.contains("data: 4\n"), is_there, "{text}");
    }
    for lag_policy in [LagPolicy::Disconnect, LagPolicy::Skip, LagPolicy::Latest] {
        for max_lag in [0, 1, u64::MAX] {
            let builder = hub
                .subscription(topic("b"))
                .max_lag(max_lag)
                .lag_policy(lag_policy);
            let mut subscription = builder.subscribe().unwrap();
            read(&mut subscription);
            publish(&hub, "b", "1");
            assert!(
                read(&mut subscription).ends_with("data: 1\n\n"),
                "{max_lag} {lag_policy:?}"
            );
        }
    }
}

#[test]
fn first_sequences() {
    for sequence in [0, 1, i64::MAX as u64, u64::MAX - 1, u64::MAX] {
        use_all(HubConfig::new().first_sequence(sequence));
    }
}

#[test]
fn retention() {
    type Change = fn(&mut Retention, usize);
    let sizes: [Change; 4] = [
        |kept, size| kept.events = size,
        |kept, size| kept.bytes = size,
        |kept, size| kept.keys = size,
        |kept, size| kept.events_per_topic = size,
    ];
    let retain = |change: &dyn Fn(&mut Retention)| {
        let mut kept = Retention::default();
        change(&mut kept);
        let replays = kept.age.is_none_or(|age| age > Duration::from_secs(1));
        use_all_with(sequenced_from_1().retention(kept), replays);
    };
    for size in [0, 1, usize::MAX] {
        for change in sizes {
            retain(&|kept| change(kept, size));
        }
        retain(&|kept| sizes.iter().for_each(|change| change(kept, size)));
    }
    for age in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        retain(&|kept| kept.age = Some(age));
    }
}

#[test]
fn numbers_of_subscribers() {
    for max in [0, 1, usize::MAX] {
        let hub = Hub::new(HubConfig::new().max_subscribers(max));
        let open = hub.subscribe(topic("a"), None);
        assert_eq!(open.is_ok(), max > 0);
        let another = hub.subscribe(topic("a"), None);
        assert_eq!(another.is_ok(), max > 1);
        if max < 2 {
            assert_eq!(another.unwrap_err(), SubscribeError::Full(max));
        }
    }
}

#[test]
fn sizes_of_events() {
    for max in [0, 1, usize::MAX] {
        let hub = Hub::new(HubConfig::new().max_event_bytes(max));
        for data in ["", "x", "xx"] {
            let result = hub
                .publish((topic("a"), Event::new(data)))
                .now_or_never()
                .unwrap();
            assert_eq!(result.is_ok(), data.len() <= max, "{data:?} of {max}");
            assert!(result.is_ok() || matches!(result, Err(PublishError::TooLarge { .. })));
        }
    }
}

#[test]
fn reconnection_times() {
    let (zero, one, max) = (Duration::ZERO, Duration::from_nanos(1), Duration::MAX);
    let ranges = [zero..=zero, one..=one, zero..=max, max..=max, max..=zero];
    for range in ranges {
        let digits = retry(range.clone());
        assert!(digits.len() <= 20, "{range:?}: {digits}");
        if *range.end() == zero && *range.start() == zero {
            assert_eq!(digits, "0");
        }
    }
}

/// Returns the reconnection time that the hub sends to a subscriber that was too slow.
fn retry(range: RangeInclusive<Duration>) -> String {
    let hub = Hub::new(sequenced_from_1().lagged_retry(range));
    let mut subscription = hub.subscription(topic("a")).max_lag(1).subscribe().unwrap();
    assert_eq!(read(&mut subscription), "");
    for n in 0..2 {
        publish(&hub, "a", &n.to_string());
    }
    let text = read(&mut subscription);
    let (_, rest) = text.split_once("retry: ").expect("a reconnection time");
    let digits = rest.split_once('\n').unwrap().0;
    assert!(
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()),
        "{digits}"
    );
    digits.to_owned()
}

/// Backend whose events have these sequences.
#[derive(Debug)]
struct FixedBackend(Vec<u64>);

impl Backend for FixedBackend {
    fn publish<'a>(&'a self, _: &'a Publication) -> BoxFuture<'a, Result<u64, BackendError>> {
        ready(Ok(u64::MAX)).boxed()
    }

    fn follow(&self, _: usize) -> BoxStream<'static, Update> {
        let event = |sequence: &u64| {
            let publication =
                Publication::new(Topic::new("a").unwrap(), Event::new(sequence.to_string()));
            Update::Event(Sequenced::new(*sequence, publication.with_key("k")))
        };
        let mut updates: Vec<_> = self.0.iter().map(event).collect();
        updates.push(Update::Connected);
        updates.push(Update::Truncated(u64::MAX));
        stream::iter(updates).chain(stream::pending()).boxed()
    }

    fn replay(&self, _: u64, _: u64, _: &TopicFilters) -> BoxStream<'static, Replayed> {
        stream::iter([Replayed::Truncated]).boxed()
    }

    fn earliest_sequence(&self) -> BoxFuture<'static, Result<u64, BackendError>> {
        ready(Ok(1)).boxed()
    }

    fn latest_sequence(&self) -> BoxFuture<'static, Result<u64, BackendError>> {
        ready(Ok(self.0.last().copied().unwrap_or(0))).boxed()
    }
}

#[tokio::test]
async fn sequences_of_a_backend() {
    for sequences in [
        vec![],
        vec![0],
        vec![1],
        vec![1, u64::MAX - 1],
        vec![1, u64::MAX],
    ] {
        let (hub, follow) =
            Hub::with_backend(HubConfig::new(), Arc::new(FixedBackend(sequences.clone())));
        let mut early = hub
            .subscription(topic("a"))
            .replay_last(usize::MAX)
            .subscribe()
            .unwrap();
        let mut follow = Box::pin(follow);
        assert!((&mut follow).now_or_never().is_none());
        read(&mut early);
        for events in [0, 1, usize::MAX] {
            for lag_policy in [LagPolicy::Disconnect, LagPolicy::Latest] {
                let builder = hub
                    .subscription(topic("a"))
                    .replay_last(events)
                    .lag_policy(lag_policy);
                read(&mut builder.subscribe().unwrap());
            }
        }
        for id in [0, 1, u64::MAX - 1, u64::MAX] {
            let mut subscription = hub.subscribe(topic("a"), Some(&EventId::from(id))).unwrap();
            read(&mut subscription);
        }
        let mut subscription = hub
            .subscription(topic("a"))
            .from_start()
            .subscribe()
            .unwrap();
        read(&mut subscription);
        publish(&hub, "a", "x");
    }
}

/// Returns how often the hub asks an authorizer in this time, if it returns this grant each time.
async fn asked(time: Duration, grant: impl Fn() -> Grant + Send + Sync + 'static) -> usize {
    let hub = Hub::new(sequenced_from_1());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let authorizer = move |_: TopicFilters| {
        count.fetch_add(1, Ordering::Relaxed);
        ready(Ok(grant()))
    };
    let builder = hub.subscription(topic("a"));
    let mut subscription = builder.subscribe_authorized(authorizer).await.unwrap();
    assert!(timeout(time, subscription.next()).await.is_err());
    publish(&hub, "a", "x");
    assert!(
        subscription
            .next()
            .await
            .unwrap()
            .to_string()
            .ends_with("data: x\n\n")
    );
    asked.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn grants_of_no_time_are_asked_for_once_in_a_second() {
    let minute = Duration::from_secs(60);
    let no_time = [
        Duration::ZERO,
        Duration::from_nanos(1),
        Duration::from_millis(999),
    ];
    for time in no_time {
        let times = asked(minute, move || Grant::expires_in(time)).await;
        assert!(
            (50..=61).contains(&times),
            "{time:?}: {times} times in a minute"
        );
    }
    // A grant that has expired before the authorizer returns it.
    let old = Grant::expires_in(Duration::ZERO);
    advance(minute).await;
    let times = asked(minute, move || old).await;
    assert!((50..=61).contains(&times), "{times} times in a minute");
}

#[tokio::test(start_paused = true)]
async fn grants_of_long_times_are_asked_for_when_they_expire() {
    for time in [Duration::MAX, YEAR * 1000, YEAR * 100] {
        let times = asked(YEAR * 5, move || Grant::expires_in(time)).await;
        assert_eq!(times, 1, "{time:?}");
    }
    assert_eq!(asked(YEAR * 5, Grant::forever).await, 1);
    assert_eq!(asked(YEAR * 5 / 2, || Grant::expires_in(YEAR)).await, 3);
}

/// Creates an authorizer that answers the first `answers` questions, and no later ones.
fn hangs_after(
    answers: usize,
    asked: &Arc<AtomicUsize>,
) -> impl Fn(TopicFilters) -> BoxFuture<'static, Result<Grant, Denied>> + Send + Sync + 'static {
    let asked = Arc::clone(asked);
    move |_| match asked.fetch_add(1, Ordering::Relaxed) < answers {
        true => ready(Ok(Grant::expires_in(Duration::from_secs(60)))).boxed(),
        false => std::future::pending().boxed(),
    }
}

#[tokio::test(start_paused = true)]
async fn an_authorizer_that_hangs_denies_after_its_timeout() {
    let day = Duration::from_secs(24 * 60 * 60);
    for (config, limit) in [
        (HubConfig::new(), Duration::from_secs(10)),
        (HubConfig::new().authorize_timeout(day), day),
        (
            HubConfig::new().authorize_timeout(Duration::ZERO),
            Duration::ZERO,
        ),
    ] {
        let hub = Hub::new(config);
        let asked = Arc::new(AtomicUsize::new(0));
        let start = Instant::now();
        let builder = hub.subscription(topic("a"));
        let subscribing = timeout(YEAR, builder.subscribe_authorized(hangs_after(0, &asked)));
        let error = subscribing
            .await
            .expect("subscription is denied")
            .unwrap_err();
        assert!(matches!(error, SubscribeError::Denied(_)), "{error:?}");
        let late = Duration::from_millis(1);
        assert!(
            (limit..=limit + late).contains(&start.elapsed()),
            "{:?}",
            start.elapsed()
        );

        let builder = hub.subscription(topic("a"));
        let subscription = builder.subscribe_authorized(hangs_after(1, &asked.clone()));
        asked.store(0, Ordering::Relaxed);
        let mut events = subscription.await.unwrap().events();
        let granted = Instant::now();
        publish(&hub, "a", "before");
        assert_eq!(events.next().await.unwrap().data(), "before");
        tokio::time::sleep(Duration::from_secs(61)).await;
        // The authorizer has not decided whether the subscriber may receive this event.
        publish(&hub, "a", "after");
        let last = timeout(YEAR, events.next())
            .await
            .expect("subscription is denied")
            .unwrap();
        assert_eq!(last.event_type(), "denied");
        let silent = granted.elapsed() - Duration::from_secs(61);
        assert!((limit..=limit + late * 2).contains(&silent), "{silent:?}");
        assert!(events.next().await.is_none());
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        drop(events);
        assert_eq!(hub.stats().subscribers, 0);
    }
    // With the maximum timeout, the hub waits forever for an authorizer that does not answer.
    let hub = Hub::new(HubConfig::new().authorize_timeout(Duration::MAX));
    let asked = Arc::new(AtomicUsize::new(0));
    let subscribing = hub
        .subscription(topic("a"))
        .subscribe_authorized(hangs_after(0, &asked));
    assert!(timeout(YEAR, subscribing).await.is_err());
}

/// Runs without a tokio runtime.
#[test]
fn an_authorizer_that_answers_at_once_needs_no_timer() {
    let hub = Hub::default();
    let authorizer = |_: TopicFilters| ready(Ok(Grant::forever()));
    let subscribing = hub
        .subscription(topic("a"))
        .subscribe_authorized(authorizer);
    let mut subscription = subscribing.now_or_never().unwrap().unwrap();
    publish(&hub, "a", "x");
    assert!(read(&mut subscription).ends_with("data: x\n\n"));
}

#[tokio::test]
async fn events_that_are_larger_than_a_decoder_takes_by_default() {
    let hub = Hub::new(HubConfig::new().max_event_bytes(64 * 1024 * 1024));
    let mut events = hub.subscribe(topic("a"), None).unwrap().events();
    for length in [
        16 * 1024 * 1024 - 1,
        16 * 1024 * 1024 + 1,
        40 * 1024 * 1024,
        1,
    ] {
        let event = Event::new("x".repeat(length));
        hub.publish((topic("a"), event)).await.unwrap();
        assert_eq!(events.next().await.unwrap().data().len(), length);
    }
}
