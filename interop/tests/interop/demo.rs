//! Checks `sse get` with the demo: it prints events as they arrive, and continues without a gap after the demo is
//! killed and restarted.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use interop::{
    demo::Demo,
    folder, items,
    process::{Process, wait_until},
};
use serde_json::Value;
use testkit::{Item, contract, timeout::test_timeout};

#[test]
fn it_goes_on_when_the_demo_is_killed() -> Result<()> {
    let mut demo = Demo::start()?;
    let readable = Get::start(&demo, 0, &[], of_readable)?;
    let json = Get::start(&demo, 0, &["--json"], of_json)?;
    let mut raw = Get::start(&demo, 0, &["--raw"], of_raw)?;
    are_live(&demo, &[&readable, &json, &raw])?;

    demo.kill();
    let status = raw.process.ended_within(test_timeout())?;
    ensure!(status.code() == Some(1), "after the stream broke: {status}");
    let seen = raw.printed()?.len();
    for get in [&readable, &json] {
        get.says("refused")?;
    }
    demo.start_again()?;
    // With `--raw` there is only one stream, so the caller resumes with the last event ID.
    let id = seen.to_string();
    let resumed = ["--raw", "--last-event-id", &id];
    let resumed = Get::start(&demo, seen, &resumed, of_raw)?;
    for get in [&readable, &json] {
        get.says("reconnected")?;
    }
    are_live(&demo, &[&readable, &json, &resumed])?;

    for get in [&readable, &json] {
        let notices = get.notices()?;
        let lines: Vec<_> = notices.split_terminator('\n').collect();
        let [lost, refused @ .., again] = &lines[..] else {
            bail!("{notices:?}");
        };
        ensure!(lost.contains("; reconnecting in 3."), "{notices}");
        ensure!(
            refused.iter().all(|line| line.contains("refused")),
            "{notices}"
        );
        ensure!(*again == "sse: reconnected", "{notices}");
        eprintln!("{} events; {}", get.printed()?.len(), lines.join("; "));
    }
    Ok(())
}

/// Waits for some more events, and checks that each process prints them after all earlier events.
fn are_live(demo: &Demo, gets: &[&Get]) -> Result<()> {
    let count = demo.published()?.len() + 8;
    wait_until(test_timeout(), "more events", || {
        Ok(demo.published()?.len() >= count)
    })?;
    for get in gets {
        wait_until(test_timeout(), "the events are printed", || {
            Ok(get.seen + get.printed()?.len() >= count)
        })?;
        let (printed, published) = (get.printed()?, demo.published()?);
        ensure!(are_numbered(&published), "{published:?}");
        ensure!(
            published[get.seen..].starts_with(&printed),
            "{printed:?} of {published:?}"
        );
    }
    Ok(())
}

/// Returns true if the IDs are numbers from 1 without a gap.
fn are_numbered(events: &[Item]) -> bool {
    let ids = events.iter().map(|event| match event {
        Item::Event { last_event_id, .. } => last_event_id.as_str(),
        _ => "none",
    });
    ids.eq((1..=events.len()).map(|number| number.to_string()))
}

/// Running `sse get`.
struct Get {
    process: Process,
    stdout: PathBuf,
    stderr: PathBuf,
    read: fn(&str) -> Result<Vec<Item>>,
    /// Number of events before its first one.
    seen: usize,
}

impl Get {
    fn start(
        demo: &Demo,
        seen: usize,
        options: &[&str],
        read: fn(&str) -> Result<Vec<Item>>,
    ) -> Result<Self> {
        let folder = folder::scratch("get")?;
        let (stdout, stderr) = (folder.join("stdout"), folder.join("stderr"));
        let mut command = Command::new(folder::prepared("sse")?);
        command.args(["get", &demo.url()]).args(options);
        command.stdout(File::create(&stdout)?);
        command.stderr(File::create(&stderr)?);
        Ok(Self {
            process: Process::start(&mut command)?,
            stdout,
            stderr,
            read,
            seen,
        })
    }

    /// Returns the printed events.
    fn printed(&self) -> Result<Vec<Item>> {
        (self.read)(&fs::read_to_string(&self.stdout)?)
    }

    fn notices(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.stderr)?)
    }

    fn says(&self, text: &str) -> Result<()> {
        let what = format!("sse get prints {text:?}");
        wait_until(test_timeout(), &what, || Ok(self.notices()?.contains(text)))?;
        Ok(())
    }
}

/// Parses lines such as `[time #7] Sun, 06 Nov 1994 08:49:37 GMT`.
fn of_readable(printed: &str) -> Result<Vec<Item>> {
    let event = |line: &str| {
        let (event_type, rest) = line.strip_prefix('[')?.split_once(" #")?;
        let (id, data) = rest.split_once("] ")?;
        Some(Item::Event {
            event_type: event_type.to_owned(),
            data: data.to_owned(),
            last_event_id: id.to_owned(),
        })
    };
    printed
        .split_terminator('\n')
        .map(|line| event(line).with_context(|| line.to_owned()))
        .collect()
}

fn of_json(printed: &str) -> Result<Vec<Item>> {
    let lines = printed.split_terminator('\n').map(serde_json::from_str);
    items(&Value::Array(lines.collect::<Result<_, _>>()?))
}

fn of_raw(printed: &str) -> Result<Vec<Item>> {
    Ok(contract::events(printed.as_bytes()))
}
