//! Tests of subscriptions that share a waker, as those of an event loop do.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use sse_hub::{CloseEvent, Event, Hub, HubConfig, Subscription, Topic, TopicFilters};

#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Counter {
    fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

fn hub() -> Hub {
    Hub::new(HubConfig::new().position_events(false))
}

fn subscribe(hub: &Hub, topic: &str) -> Subscription {
    hub.subscribe(TopicFilters::new([topic]).unwrap(), None)
        .unwrap()
}

fn publish(hub: &Hub, topic: &str) {
    let topic = Topic::new(topic).unwrap();
    hub.try_publish((topic, Event::new("x"))).unwrap();
}

/// Polls until there are no events. Returns how many there were.
fn drain(subscription: &mut Subscription, waker: &Arc<Counter>) -> usize {
    let waker = Waker::from(Arc::clone(waker));
    let mut cx = Context::from_waker(Waker::noop());
    let mut count = 0;
    while let Poll::Ready(Some(events)) = subscription.poll_events(&mut cx, &waker) {
        count += events.events().count();
    }
    count
}

#[test]
fn an_event_wakes_their_waker_once() {
    let (hub, waker) = (hub(), Arc::<Counter>::default());
    let mut subscriptions: Vec<_> = (0..100).map(|_| subscribe(&hub, "a")).collect();
    let mut other = subscribe(&hub, "b");
    assert_ne!(subscriptions[0].channel_id(), other.channel_id());
    let other_waker = Arc::<Counter>::default();
    assert_eq!(drain(&mut other, &other_waker), 0);
    for subscription in &mut subscriptions {
        assert_eq!(drain(subscription, &waker), 0);
        assert!(subscription.waits_only_for_events());
    }
    for _ in 0..3 {
        publish(&hub, "a");
        assert_eq!(waker.take(), 1);
        publish(&hub, "a");
        assert_eq!(waker.take(), 0, "nobody waits");
        for subscription in &mut subscriptions {
            assert_eq!(drain(subscription, &waker), 2);
        }
    }
    assert_eq!(other_waker.take(), 0);
    hub.close(CloseEvent::default());
    assert_eq!((waker.take(), other_waker.take()), (1, 1));
}

#[test]
fn after_the_latest_event_a_subscription_is_registered() {
    let (hub, waker) = (hub(), Arc::<Counter>::default());
    let mut subscription = subscribe(&hub, "a");
    assert!(!subscription.is_registered(), "it was not polled");
    assert_eq!(drain(&mut subscription, &waker), 0);
    assert!(subscription.is_registered());
    for events in 1..3 {
        for _ in 0..events {
            publish(&hub, "a");
        }
        assert!(!subscription.is_registered(), "there are events");
        assert_eq!(waker.take(), 1);
        let waker = Waker::from(Arc::clone(&waker));
        let mut cx = Context::from_waker(Waker::noop());
        let polled = subscription.poll_events(&mut cx, &waker);
        let Poll::Ready(Some(frame)) = polled else {
            panic!("{polled:?}");
        };
        assert_eq!(frame.events().count(), events);
        assert!(subscription.is_registered(), "without another poll");
    }
    hub.close(CloseEvent::default());
    assert_eq!(waker.take(), 1);
    assert!(!subscription.is_registered(), "the hub is closed");
}

#[test]
fn the_waker_stays_until_the_last_of_them_has_left() {
    let (hub, waker) = (hub(), Arc::<Counter>::default());
    let mut subscriptions: Vec<_> = (0..3).map(|_| subscribe(&hub, "a")).collect();
    for subscription in &mut subscriptions {
        drain(subscription, &waker);
    }
    while let Some(subscription) = subscriptions.pop() {
        drop(subscription);
        publish(&hub, "a");
        assert_eq!(waker.take(), usize::from(!subscriptions.is_empty()));
        for subscription in &mut subscriptions {
            assert_eq!(drain(subscription, &waker), 1);
        }
    }
    assert_eq!(Arc::strong_count(&waker), 1, "the hub keeps no waker");
}

#[test]
fn a_subscriber_that_has_the_latest_event_is_woken_without_another_poll() {
    let (hub, waker) = (hub(), Arc::<Counter>::default());
    let mut subscription = subscribe(&hub, "a");
    drain(&mut subscription, &waker);
    publish(&hub, "a");
    assert_eq!(waker.take(), 1);
    let group = Waker::from(Arc::clone(&waker));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(subscription.poll_events(&mut cx, &group).is_ready());
    publish(&hub, "a");
    assert_eq!(waker.take(), 1);
    assert_eq!(drain(&mut subscription, &waker), 1);
}

#[test]
fn wakers_of_their_own_and_a_shared_one_go_together() {
    let hub = hub();
    let wakers: Vec<_> = (0..4).map(|_| Arc::<Counter>::default()).collect();
    let mut subscriptions: Vec<_> = (0..12).map(|_| subscribe(&hub, "a")).collect();
    for round in 0..20 {
        for (index, subscription) in subscriptions.iter_mut().enumerate() {
            drain(subscription, &wakers[(index + round) % wakers.len()]);
        }
        publish(&hub, "a");
        for waker in &wakers {
            assert!((1..=3).contains(&waker.take()));
        }
    }
}
