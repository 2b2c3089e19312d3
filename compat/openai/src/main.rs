//! Reads one answer of async-openai from a server in this process, and prints the processor time of the reader in
//! microseconds and the growth of the memory's peak in KiB.
//!
//! `compat/openai` has the replacement for eventsource-stream, `compat/openai-before` the original.

use std::{
    env,
    error::Error,
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use async_openai::{
    Client,
    config::OpenAIConfig,
    types::chat::{ChatCompletionRequestUserMessage, CreateChatCompletionRequestArgs},
};
use futures_util::StreamExt;
use rustix::time::{ClockId, clock_gettime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let mut number = || arguments.next()?.parse::<usize>().ok();
    let (events, bytes) = (number().ok_or("events?")?, number().ok_or("bytes?")?);

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let base = format!("http://{}/v1", listener.local_addr()?);
    thread::spawn(move || serve(&listener, events, bytes).expect("a client that reads all"));
    let config = OpenAIConfig::new().with_api_base(base).with_api_key("none");
    let request = CreateChatCompletionRequestArgs::default()
        .model("none")
        .messages([ChatCompletionRequestUserMessage::from("none").into()])
        .build()?;
    let client = Client::with_config(config);

    // Only the reader runs in this thread.
    let (memory, time) = (peak_memory()?, thread_time());
    let mut answer = client.chat().create_stream(request).await?;
    let (mut count, mut length) = (0, 0);
    while let Some(part) = answer.next().await {
        let part = part?;
        let text = part
            .choices
            .first()
            .and_then(|choice| choice.delta.content.as_deref());
        length += text.map_or(0, str::len);
        count += 1;
    }
    let time = thread_time().saturating_sub(time);
    if (count, length) != (events, events * bytes) {
        return Err(format!("{count} events with {length} bytes").into());
    }
    println!(
        "{} {}",
        time.as_micros(),
        peak_memory()?.saturating_sub(memory)
    );
    Ok(())
}

/// Answers one request with a stream of these events, and ends it as OpenAI does.
fn serve(listener: &TcpListener, events: usize, bytes: usize) -> std::io::Result<()> {
    let (mut connection, _) = listener.accept()?;
    read_head(&connection)?;
    connection.write_all(
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/event-stream\r\n\r\n",
    )?;
    let text = "x".repeat(bytes);
    let event = format!(
        r#"data: {{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"none","choices":[{{"index":0,"delta":{{"content":"{text}"}},"logprobs":null,"finish_reason":null}}]}}"#
    );
    for _ in 0..events {
        connection.write_all(event.as_bytes())?;
        connection.write_all(b"\n\n")?;
    }
    connection.write_all(b"data: [DONE]\n\n")
}

/// Reads the head of the request. Its short body stays in the socket.
fn read_head(connection: &TcpStream) -> std::io::Result<()> {
    connection.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut lines = BufReader::new(connection);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        lines.read_line(&mut line)?;
    }
    Ok(())
}

/// Returns the peak of the resident memory of this process, in KiB.
fn peak_memory() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status
        .split('\n')
        .find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("no VmHWM")?.parse()?)
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}
