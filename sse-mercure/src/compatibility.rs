/// Earlier drafts of the protocol whose clients are accepted, in addition to those of the current draft.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compatibility {
    /// No earlier draft.
    #[default]
    None,
    /// Drafts up to 7, which hubs of the versions 0.x implement.
    ///
    /// A subscriber may select topics with `topic=` and a URI template, and send the last event ID with other names.
    /// A token may be in the query and in the cookie `mercureAuthorization`. It may have the claim `mercure` and no
    /// time of expiry. That is weaker: a URL with a token can be logged by proxies, and a token without `exp` is valid
    /// until its key changes.
    Draft7,
}

impl Compatibility {
    /// Returns whether clients of drafts up to 7 are accepted.
    pub fn accepts_draft_7(self) -> bool {
        self == Self::Draft7
    }

    /// Returns the names of the parameter with the last event ID.
    pub(crate) fn last_event_id_parameters(self) -> &'static [&'static str] {
        match self {
            Self::None => &["last_event_id"],
            Self::Draft7 => &[
                "last_event_id",
                "lastEventID",
                "Last-Event-ID",
                "last-event-id",
                // The package event-source-polyfill sends the first one by default, and recommends the second one for
                // this protocol.
                "lastEventId",
                "Last-Event-Id",
            ],
        }
    }

    /// Returns the name of the parameter with a URI template.
    pub(crate) fn template_parameter(self) -> Option<&'static str> {
        self.accepts_draft_7().then_some("topic")
    }
}
