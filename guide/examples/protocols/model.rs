//! Stands for a language model, so that clients can be tested without one.

use std::{error::Error, fmt, time::Duration};

use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;
use tokio::time::sleep;

/// Time that a model needs for a token.
const TOKEN_TIME: Duration = Duration::from_millis(10);

/// Number of tokens after which [`Model::Flaky`] fails.
const FLAKY_TOKENS: usize = 2;

/// Name of a model, which says how it answers.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Model {
    /// Answers with the prompt.
    Echo,
    /// Fails after two tokens.
    Flaky,
    /// Repeats the prompt until the client cancels the request.
    Endless,
}

/// Failure of a model in the middle of an answer.
#[derive(Debug)]
pub(crate) struct Overloaded;

impl fmt::Display for Overloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the model is overloaded")
    }
}

impl Error for Overloaded {}

impl Model {
    /// Returns the tokens of the answer: words, each with the white space after it. They end after an error.
    pub(crate) fn answer(
        self,
        prompt: &str,
    ) -> impl Stream<Item = Result<String, Overloaded>> + use<> {
        let tokens: Vec<_> = prompt.split_inclusive(' ').map(str::to_owned).collect();
        let tokens: Box<dyn Iterator<Item = Result<String, Overloaded>> + Send> = match self {
            Self::Echo => Box::new(tokens.into_iter().map(Ok)),
            Self::Flaky => {
                let tokens = tokens.into_iter().cycle().take(FLAKY_TOKENS).map(Ok);
                Box::new(tokens.chain([Err(Overloaded)]))
            }
            Self::Endless => Box::new(tokens.into_iter().cycle().map(Ok)),
        };
        stream::iter(tokens).then(async |token| {
            sleep(TOKEN_TIME).await;
            token
        })
    }
}
