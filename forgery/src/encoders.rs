//! Encoders, each with the calls that its users write.

use std::{convert::Infallible, error::Error};

use actix_web::body::MessageBody;
use futures_util::{FutureExt, future::poll_fn, stream};
use http_body_util::BodyExt;
use testkit::forgery::{Field, Forgery, Format};

/// Bytes of an event or a comment, or why the encoder refused it. `None` if it has no such field.
type Encoded = Option<Result<Vec<u8>, Box<dyn Error>>>;

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
        format: Format {
            event_type: "message",
            line_prefix: "",
        },
        encode,
    }
}

pub(crate) const ENCODERS: &[Encoder] = &[
    encoder("sse-proto", sse_proto),
    encoder("axum", axum),
    encoder("warp", warp),
    encoder("poem", poem),
    encoder("salvo", salvo),
    encoder("actix-web-lab", actix),
    Encoder {
        format: Format {
            event_type: "datastar-patch-elements",
            line_prefix: "elements ",
        },
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
    use axum::response::{IntoResponse, Sse, sse::Event};

    let event = match forgery.field {
        Field::Comment => Event::default().comment(&forgery.value),
        Field::Type => Event::default().event(&forgery.value).data(forgery.data()),
        Field::Id => Event::default().id(&forgery.value).data(forgery.data()),
        Field::Data => Event::default().data(&forgery.value),
    };
    let response = Sse::new(stream::iter([Ok::<_, Infallible>(event)])).into_response();
    let body = response.into_body().collect().now_or_never();
    let body = body.expect("a body that is ready").expect("a body");
    Some(Ok(body.to_bytes().to_vec()))
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
    use datastar::{DatastarEvent, patch_elements::PatchElements};

    let patch = PatchElements::new(forgery.data());
    let patch = match forgery.field {
        Field::Comment | Field::Type => return None,
        Field::Id => patch.id(forgery.value.as_str()),
        Field::Data => patch,
    };
    Some(Ok(DatastarEvent::from(patch).to_string().into_bytes()))
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
