//! Encoders, each with the calls that its users write.

use std::{convert::Infallible, error::Error};

use actix_web::body::MessageBody;
use datastar::prelude::{DatastarEvent, ExecuteScript, PatchElements, PatchSignals};
use futures_util::{FutureExt, future::poll_fn, stream};
use http_body_util::BodyExt;
use testkit::forgery::{Field, Forgery, Format, prefix_lines};

/// Bytes of an event or a comment, or why the encoder refused it. `None` if it has no such field.
pub(crate) type Encoded = Option<Result<Vec<u8>, Box<dyn Error>>>;

pub(crate) struct Encoder {
    /// Name of its package.
    pub(crate) package: &'static str,
    /// Start of its version, if several are locked.
    pub(crate) version: &'static str,
    pub(crate) format: Format,
    pub(crate) encode: fn(&Forgery) -> Encoded,
}

const fn encoder(package: &'static str, encode: fn(&Forgery) -> Encoded) -> Encoder {
    Encoder {
        package,
        version: "",
        format: MESSAGE,
        encode,
    }
}

/// Format of an event without a protocol in its data.
const MESSAGE: Format = Format {
    event_type: "message",
    data: str::to_owned,
    line_prefix: "",
};

pub(crate) const ENCODERS: &[Encoder] = &[
    encoder("sse-proto", sse_proto),
    encoder("axum", axum),
    encoder("warp", warp),
    encoder("poem", poem),
    encoder("salvo", salvo),
    encoder("actix-web-lab", actix),
    Encoder {
        format: ELEMENTS,
        ..encoder("datastar", datastar)
    },
    Encoder {
        version: "0.2",
        ..encoder("sse-stream", sse_stream_02)
    },
    Encoder {
        version: "0.3",
        ..encoder("sse-stream", sse_stream)
    },
];

fn sse_proto(forgery: &Forgery) -> Encoded {
    use sse_proto::{Comment, Event, InvalidValue};

    let encode = || -> Result<String, InvalidValue> {
        if forgery.field == Field::Comment {
            return Ok(Comment::new(&forgery.value).to_string());
        }
        let mut event = Event::new(forgery.data());
        if let Some(text) = forgery.event_type() {
            event = event.try_with_type(text)?;
        }
        if let Some(text) = forgery.event_id() {
            event = event.try_with_id(text)?;
        }
        Ok(event.to_string())
    };
    Some(encode().map(String::into_bytes).map_err(Into::into))
}

fn axum(forgery: &Forgery) -> Encoded {
    use axum::response::sse::Event;

    let event = match forgery.field {
        Field::Comment => Event::default().comment(&forgery.value),
        Field::Type => Event::default().event(&forgery.value).data(forgery.data()),
        Field::Id => Event::default().id(&forgery.value).data(forgery.data()),
        Field::Data => Event::default().data(&forgery.value),
    };
    Some(Ok(axum_bytes(event)))
}

fn axum_bytes(event: axum::response::sse::Event) -> Vec<u8> {
    use axum::response::{IntoResponse, Sse};

    let response = Sse::new(stream::iter([Ok::<_, Infallible>(event)])).into_response();
    let body = response.into_body().collect().now_or_never();
    let body = body.expect("a body that is ready").expect("a body");
    body.to_bytes().to_vec()
}

fn warp(forgery: &Forgery) -> Encoded {
    use warp::sse::Event;

    let event = match forgery.field {
        Field::Comment => Event::default().comment(forgery.value.as_str()),
        Field::Type => Event::default()
            .event(forgery.value.as_str())
            .data(forgery.data()),
        Field::Id => Event::default()
            .id(forgery.value.as_str())
            .data(forgery.data()),
        Field::Data => Event::default().data(forgery.value.as_str()),
    };
    Some(Ok(event.to_string().into_bytes()))
}

fn poem(forgery: &Forgery) -> Encoded {
    use poem::{
        IntoResponse,
        web::sse::{Event, SSE},
    };

    let event = Event::message(forgery.data());
    let event = match forgery.field {
        Field::Comment => return None,
        Field::Type => event.event_type(forgery.value.as_str()),
        Field::Id => event.id(forgery.value.as_str()),
        Field::Data => event,
    };
    let response = SSE::new(stream::iter([event])).into_response();
    let body = response.into_body().into_vec().now_or_never();
    Some(body.expect("a body that is ready").map_err(Into::into))
}

fn salvo(forgery: &Forgery) -> Encoded {
    use salvo::sse::SseEvent;

    let event = SseEvent::default();
    let event = match forgery.field {
        Field::Comment => event.comment(forgery.value.as_str()),
        Field::Type => event.name(forgery.value.as_str()).text(forgery.data()),
        Field::Id => event.id(forgery.value.as_str()).text(forgery.data()),
        Field::Data => event.text(forgery.value.as_str()),
    };
    Some(Ok(event.to_string().into_bytes()))
}

fn actix(forgery: &Forgery) -> Encoded {
    use actix_web_lab::sse::{Data, Event, Sse};

    let data = Data::new(forgery.data());
    let event = match forgery.field {
        Field::Comment => Event::Comment(forgery.value.as_str().into()),
        Field::Type => data.event(forgery.value.as_str()).into(),
        Field::Id => data.id(forgery.value.as_str()).into(),
        Field::Data => data.into(),
    };
    let mut body = Box::pin(Sse::from_infallible_stream(stream::iter([event])));
    let part = poll_fn(|cx| body.as_mut().poll_next(cx)).now_or_never();
    let part = part.expect("a body that is ready").expect("an event");
    Some(part.map(|bytes| bytes.to_vec()).map_err(Into::into))
}

/// The type is not free. The data is the HTML of a patch.
fn datastar(forgery: &Forgery) -> Encoded {
    let patch = PatchElements::new(forgery.data());
    let patch = match forgery.field {
        Field::Comment | Field::Type => return None,
        Field::Id => patch.id(forgery.value.as_str()),
        Field::Data => patch,
    };
    Some(Ok(DatastarEvent::from(patch).to_string().into_bytes()))
}

/// Argument of a builder of datastar, which becomes lines of the data.
pub(crate) struct DatastarArgument {
    pub(crate) name: &'static str,
    pub(crate) format: Format,
    /// Bytes of an event with this argument.
    pub(crate) encode: fn(&str, Writer) -> Vec<u8>,
}

/// Ways in which datastar writes an event.
#[derive(Clone, Copy)]
pub(crate) enum Writer {
    /// `to_string` of its own events.
    Display,
    /// Conversion to the events of axum.
    Axum,
}

impl Writer {
    fn write<E>(self, event: E) -> Vec<u8>
    where
        E: Into<DatastarEvent> + Into<axum::response::sse::Event>,
    {
        match self {
            Self::Display => Into::<DatastarEvent>::into(event).to_string().into_bytes(),
            Self::Axum => axum_bytes(event.into()),
        }
    }
}

const ELEMENTS: Format = Format {
    event_type: "datastar-patch-elements",
    data: |value| prefix_lines("elements ", value),
    line_prefix: "elements ",
};

pub(crate) const DATASTAR_ARGUMENTS: &[DatastarArgument] = &[
    DatastarArgument {
        name: "PatchElements::new",
        format: ELEMENTS,
        encode: |value, writer| writer.write(PatchElements::new(value)),
    },
    DatastarArgument {
        name: "PatchElements::selector",
        format: Format {
            data: |value| prefix_lines("selector ", value) + "\nelements harmless",
            line_prefix: "selector ",
            ..ELEMENTS
        },
        encode: |value, writer| writer.write(PatchElements::new("harmless").selector(value)),
    },
    DatastarArgument {
        name: "PatchElements::new_remove",
        format: Format {
            data: |value| prefix_lines("selector ", value) + "\nmode remove",
            line_prefix: "selector ",
            ..ELEMENTS
        },
        encode: |value, writer| writer.write(PatchElements::new_remove(value)),
    },
    DatastarArgument {
        name: "PatchElements::view_transition_selector",
        format: Format {
            data: |value| {
                let lines = prefix_lines("viewTransitionSelector ", value);
                format!("useViewTransition true\n{lines}\nelements harmless")
            },
            line_prefix: "viewTransitionSelector ",
            ..ELEMENTS
        },
        encode: |value, writer| {
            let patch = PatchElements::new("harmless").use_view_transition(true);
            writer.write(patch.view_transition_selector(value))
        },
    },
    DatastarArgument {
        name: "PatchSignals::new",
        format: Format {
            event_type: "datastar-patch-signals",
            data: |value| prefix_lines("signals ", value),
            line_prefix: "signals ",
        },
        encode: |value, writer| writer.write(PatchSignals::new(value)),
    },
    DatastarArgument {
        name: "ExecuteScript::new",
        format: Format {
            data: |value| script("", value),
            ..ELEMENTS
        },
        encode: |value, writer| writer.write(ExecuteScript::new(value)),
    },
    DatastarArgument {
        name: "ExecuteScript::attributes",
        format: Format {
            data: |value| script(&format!(" {value}"), "harmless"),
            ..ELEMENTS
        },
        encode: |value, writer| writer.write(ExecuteScript::new("harmless").attributes([value])),
    },
];

/// Returns the data of a script that removes itself.
fn script(attributes: &str, script: &str) -> String {
    let element = format!("<script data-effect=\"el.remove()\"{attributes}>{script}</script>");
    format!(
        "selector body\nmode append\n{}",
        prefix_lines("elements ", &element)
    )
}

fn sse_stream(forgery: &Forgery) -> Encoded {
    use sse_stream::Sse;

    let event = Sse::default().data(forgery.data());
    let event = match forgery.field {
        // Only its keep-alives have comments.
        Field::Comment => return None,
        Field::Type => event.event(forgery.value.as_str()),
        Field::Id => event.id(forgery.value.as_str()),
        Field::Data => event,
    };
    Some(
        event
            .encode()
            .map(|bytes| bytes.to_vec())
            .map_err(Into::into),
    )
}

fn sse_stream_02(forgery: &Forgery) -> Encoded {
    use sse_stream_02::Sse;

    let event = Sse::default().data(forgery.data());
    let event = match forgery.field {
        Field::Comment => return None,
        Field::Type => event.event(forgery.value.as_str()),
        Field::Id => event.id(forgery.value.as_str()),
        Field::Data => event,
    };
    let bytes: axum::body::Bytes = event.into();
    Some(Ok(bytes.to_vec()))
}
