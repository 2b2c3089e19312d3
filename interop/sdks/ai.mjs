// node ai.mjs SERVER: checks the UI message streams of Vercel's AI SDK.
import { DefaultChatTransport, readUIMessageStream } from "ai";
import { check, closed, equal } from "./check.mjs";

const [server] = process.argv.slice(2);
const transport = new DefaultChatTransport({ api: `${server}/ui` });
const PROMPT = "Hello, 世界\nline two  and a: colon ";

const send = (chatId, model, abortSignal) =>
  transport.sendMessages({
    chatId,
    trigger: "submit-message",
    messages: [{ id: "1", role: "user", parts: [{ type: "text", text: PROMPT }] }],
    body: { model },
    abortSignal,
  });

// Reads the answer to its end, and returns its text.
const text = async (stream) => {
  let message;
  for await (message of readUIMessageStream({ stream, terminateOnError: true }));
  return message.parts.map((part) => part.text ?? "").join("");
};

await check("ai", "ai", {
  streams: async () => equal(await text(await send("streams", "echo")), PROMPT),
  "error in mid-stream": async () => {
    try {
      await text(await send("fails", "flaky"));
    } catch (error) {
      equal(error.message, "the model is overloaded");
      return;
    }
    throw new Error("no error");
  },
  resumes: async () => {
    const abort = new AbortController();
    const stream = await send("resumes", "echo", abort.signal);
    const reader = stream.getReader();
    for (let chunks = 0; chunks < 3; chunks += 1) await reader.read();
    abort.abort();
    equal(await text(await transport.reconnectToStream({ chatId: "resumes" })), PROMPT);
    equal(await transport.reconnectToStream({ chatId: "resumes" }), null);
  },
  cancels: async () => {
    const abort = new AbortController();
    const reader = (await send("cancels", "endless", abort.signal)).getReader();
    for (let chunks = 0; chunks < 20; chunks += 1) await reader.read();
    abort.abort();
    await closed(server);
  },
});
process.exit();
