//! Thread that writes the lines of the access log, so that a slow disk never delays a request.
//!
//! # A note to the next reader
//!
//! `tracing-appender` also has such a thread, but it cannot open its file again after logrotate has renamed it, and it
//! does not count a line that cannot be written.

use core::time::Duration;
use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    thread,
};

use anyhow::{Context, Result};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::hub::metrics;

/// Maximum number of lines that wait for the disk. Further ones are dropped and counted.
const MAX_QUEUED_LINES: usize = 4096;

/// Size of the write buffer in bytes. Each line is shorter.
const BUFFER_BYTES: usize = 64 * 1024;

/// Maximum time at shutdown for the lines that still wait.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(400);

/// Value of the option for a log on stderr.
const STDERR: &str = "-";

/// Log whose lines a thread writes.
#[derive(Clone)]
pub(crate) struct LogFile(mpsc::Sender<Message>);

/// Message to the thread.
enum Message {
    /// Line with its end.
    Line(Vec<u8>),
    /// logrotate has renamed the file.
    Reopen,
    /// All lines so far must be written.
    Flush(oneshot::Sender<()>),
}

impl LogFile {
    /// Opens the file for appending, and starts the thread. `-` stands for stderr. Must be called on the runtime.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let failed = || format!("cannot open the access log {}", path.display());
        let writer = Writer::new(path).with_context(failed)?;
        let (sender, receiver) = mpsc::channel(MAX_QUEUED_LINES);
        thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || run(receiver, writer))
            .context("cannot start the thread of the access log")?;
        #[cfg(unix)]
        if path != Path::new(STDERR) {
            reopen_on_hangup(sender.clone()).context("cannot wait for signals")?;
        }
        Ok(Self(sender))
    }

    /// Queues a line. Drops it if too many lines wait, and counts it.
    pub(crate) fn write(&self, line: Vec<u8>) {
        if self.0.try_send(Message::Line(line)).is_err() {
            metrics::count_dropped_lines(1);
        }
    }

    /// Waits for a short time until all lines are written.
    pub(crate) async fn flush(&self) {
        let flush = async {
            let (sender, receiver) = oneshot::channel();
            if self.0.send(Message::Flush(sender)).await.is_ok() {
                let _ = receiver.await;
            }
        };
        if timeout(FLUSH_TIMEOUT, flush).await.is_err() {
            tracing::warn!("the last lines of the access log could not be written in time");
        }
    }
}

/// Opens the file again on each SIGHUP.
#[cfg(unix)]
fn reopen_on_hangup(sender: mpsc::Sender<Message>) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() && sender.send(Message::Reopen).await.is_ok() {}
    });
    Ok(())
}

fn run(mut messages: mpsc::Receiver<Message>, mut writer: Writer) {
    while let Some(message) = messages.blocking_recv() {
        writer.handle(message);
        while let Ok(message) = messages.try_recv() {
            writer.handle(message);
        }
        writer.flush();
    }
}

/// Writer of the thread. It keeps working when the disk is full, and resumes when there is space again.
struct Writer {
    path: PathBuf,
    /// Holds complete lines. After a failure, it keeps what is not written yet.
    buffer: BufWriter<Box<dyn Write + Send>>,
    has_failed: bool,
}

impl Writer {
    fn new(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            buffer: open(path)?,
            has_failed: false,
        })
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Line(line) => {
                // After an error, the buffer is full, and has no part of this line.
                if let Err(error) = self.buffer.write_all(&line) {
                    metrics::count_dropped_lines(1);
                    self.warn(error);
                }
            }
            Message::Reopen => self.reopen(),
            Message::Flush(done) => {
                self.flush();
                // The hub may have stopped waiting.
                let _ = done.send(());
            }
        }
    }

    fn flush(&mut self) {
        match self.buffer.flush() {
            Ok(()) => self.has_failed = false,
            Err(error) => self.warn(error),
        }
    }

    /// Opens the file again. If that fails, the lines continue in the old file.
    fn reopen(&mut self) {
        self.flush();
        match open(&self.path) {
            Ok(buffer) => {
                let lost = self.buffer.buffer().iter().filter(|byte| **byte == b'\n');
                metrics::count_dropped_lines(lost.count() as u64);
                self.buffer = buffer;
            }
            Err(error) => {
                let path = self.path.display();
                tracing::warn!(%error, "cannot open the access log {path} again");
            }
        }
    }

    /// Warns of the first failure since lines were written.
    fn warn(&mut self, error: io::Error) {
        if !self.has_failed {
            let path = self.path.display();
            tracing::warn!(%error, "cannot write to the access log {path}");
        }
        self.has_failed = true;
    }
}

fn open(path: &Path) -> io::Result<BufWriter<Box<dyn Write + Send>>> {
    let target: Box<dyn Write + Send> = match path == Path::new(STDERR) {
        true => Box::new(io::stderr()),
        false => Box::new(open_file(path)?),
    };
    Ok(BufWriter::with_capacity(BUFFER_BYTES, target))
}

/// Opens a file for appending. A new file is only for this user and the group, because it has addresses of clients.
fn open_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    options.open(path)
}
