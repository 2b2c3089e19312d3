//! Checks the demo with two servers over NATS. Both have the same events under the same IDs. No event is lost when a
//! server or NATS is killed, and a client can resume at the other server.

use anyhow::{Context, Result, ensure};
use interop::{
    nodes::{Listener, Node},
    process::wait_until,
};
use testkit::{Item, hub_id::HubId, nats::Nats, timeout::test_timeout};

#[test]
fn what_was_begun_at_one_node_goes_on_at_the_other() -> Result<()> {
    let nats = Nats::start()?;
    let (mut first, second) = (Node::start(1, &nats)?, Node::start(2, &nats)?);
    let (at_first, at_second) = (first.listen(None)?, second.listen(None)?);
    wait_for(&at_first, 40)?;
    wait_for(&at_second, 40)?;

    first.kill();
    let seen = at_first.events()?;
    let last = id(seen.last().context("no events")?)?.to_owned();
    // Events that the killed node did not publish do not count as lost.
    let resumed = second.listen(Some(&last))?;
    wait_for(&resumed, 8)?;
    let both = [seen, resumed.events()?].concat();
    are_the_same(&both, &at_second.events()?)?;

    let again = Node::start(1, &nats)?;
    let at_again = again.listen(Some(&last))?;
    wait_for(&at_again, 16)?;
    are_the_same(&at_again.events()?, &at_second.events()?)
}

#[test]
fn nothing_is_lost_when_nats_dies() -> Result<()> {
    let mut nats = Nats::start()?;
    let (first, second) = (Node::start(1, &nats)?, Node::start(2, &nats)?);
    let (at_first, at_second) = (first.listen(None)?, second.listen(None)?);
    wait_for(&at_first, 16)?;
    wait_for(&at_second, 16)?;
    nats.kill();
    let before = at_first.events()?.len();
    nats.up()?;
    wait_for(&at_first, before + 16)?;
    wait_for(&at_second, before + 16)?;
    are_the_same(&at_first.events()?, &at_second.events()?)
}

fn wait_for(listener: &Listener, events: usize) -> Result<()> {
    wait_until(test_timeout(), &format!("{events} events arrive"), || {
        Ok(listener.events()?.len() >= events)
    })?;
    Ok(())
}

/// Checks that both lists are parts of the same sequence of events without gaps. They may begin and end at different
/// events.
fn are_the_same(one: &[Item], other: &[Item]) -> Result<()> {
    let (first, second) = (numbers(one)?, numbers(other)?);
    for numbers in [&first, &second] {
        let has_gap = numbers.windows(2).any(|pair| pair[0] + 1 != pair[1]);
        ensure!(!has_gap, "{numbers:?}");
    }
    let from = first.first().max(second.first()).context("no events")?;
    let to = first.last().min(second.last()).context("no events")?;
    let part = |items: &[Item], numbers: &[u64]| {
        let both = items.iter().cloned().zip(numbers.iter().copied());
        both.filter(|(_, number)| (from..=to).contains(&number))
            .collect::<Vec<_>>()
    };
    let (one, other) = (part(one, &first), part(other, &second));
    ensure!(one.len() >= 8, "overlap too small: {first:?}, {second:?}");
    ensure!(one == other, "{one:?} differs from {other:?}");
    Ok(())
}

fn numbers(items: &[Item]) -> Result<Vec<u64>> {
    let number = |item: &Item| Ok(HubId::parse(id(item)?)?.number());
    items.iter().map(number).collect()
}

fn id(item: &Item) -> Result<&str> {
    match item {
        Item::Event { last_event_id, .. } => Ok(last_event_id),
        _ => anyhow::bail!("{item:?}"),
    }
}
