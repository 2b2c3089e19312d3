//! Checks that public types can be moved to other threads, shared and moved after they were polled.

use sse_hub::{
    Authorizer, Backend, BackendError, BackendErrorKind, Denied, Events, Grant, Hub, HubConfig,
    IdFormat, InvalidTopic, LagHistogram, LagPolicy, Pattern, Publication, PublishError, Replayed,
    Retention, Sequenced, Stats, SubscribeError, Subscription, SubscriptionBuilder, Topic,
    TopicFilter, TopicFilters, Topics, Update,
};

fn check<T: Send + Sync + Unpin>() {}

fn check_shared<T: Send + Sync + ?Sized>() {}

#[test]
fn all_types_are_send_sync_and_unpin() {
    check::<BackendError>();
    check::<BackendErrorKind>();
    check::<Denied>();
    check::<Grant>();
    check::<Hub>();
    check::<HubConfig>();
    check::<IdFormat>();
    check::<InvalidTopic>();
    check::<LagHistogram>();
    check::<LagPolicy>();
    check::<Pattern>();
    check::<Publication>();
    check::<PublishError>();
    check::<Replayed>();
    check::<Retention>();
    check::<Sequenced>();
    check::<Stats>();
    check::<SubscribeError>();
    check::<SubscriptionBuilder>();
    check::<Topic>();
    check::<TopicFilter>();
    check::<TopicFilters>();
    check::<Topics>();
    check::<Update>();
    check_shared::<dyn Authorizer>();
    check_shared::<dyn Backend>();
}

/// A subscription holds futures and streams of backends and authorizers, which need not be `Sync`.
#[test]
fn streams_are_send_and_unpin() {
    fn check<T: Send + Unpin>() {}

    check::<Subscription>();
    check::<Events>();
}
