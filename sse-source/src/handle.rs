use tokio::sync::mpsc;

/// What can be asked of an event source while something else polls it. Clones are of the same source;
/// dropping them changes nothing.
#[derive(Clone, Debug)]
pub struct Handle {
    commands: mpsc::UnboundedSender<Command>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Command {
    Close,
    Reconnect,
}

impl Handle {
    pub(crate) fn new(commands: mpsc::UnboundedSender<Command>) -> Self {
        Self { commands }
    }

    /// Ends it for good: the connection is dropped and the stream ends, without an error.
    pub fn close(&self) {
        self.tell(Command::Close);
    }

    /// Connects again at once, also if it is waiting to.
    pub fn reconnect(&self) {
        self.tell(Command::Reconnect);
    }

    fn tell(&self, command: Command) {
        // If the source is gone, then so is what was asked of it.
        let _ = self.commands.send(command);
    }
}
