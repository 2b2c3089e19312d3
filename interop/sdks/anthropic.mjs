// node anthropic.mjs SERVER: checks Anthropic's SDK for JavaScript.
import Anthropic from "@anthropic-ai/sdk";
import { check, closed, equal } from "./check.mjs";

const [server] = process.argv.slice(2);
const anthropic = new Anthropic({ baseURL: `${server}/anthropic`, apiKey: "none", maxRetries: 0 });
const PROMPT = "Hello, 世界\nline two  and a: colon";

const request = (model) => ({ model, max_tokens: 100, messages: [{ role: "user", content: PROMPT }] });

await check("anthropic (JavaScript)", "@anthropic-ai/sdk", {
  streams: async () => {
    let text = "";
    const stream = anthropic.messages.stream(request("echo")).on("text", (token) => { text += token; });
    const message = await stream.finalMessage();
    equal([text, message.content[0].text, message.stop_reason], [PROMPT, PROMPT, "end_turn"]);
  },
  "error in mid-stream": async () => {
    let tokens = 0;
    try {
      for await (const event of await anthropic.messages.create({ ...request("flaky"), stream: true })) {
        if (event.type === "content_block_delta") tokens += 1;
      }
    } catch (error) {
      equal([error instanceof Anthropic.APIError, error.error.error.type, tokens], [true, "overloaded_error", 2]);
      return;
    }
    throw new Error("no error");
  },
  cancels: async () => {
    const stream = anthropic.messages.stream(request("endless"));
    let count = 0;
    for await (const _ of stream) {
      count += 1;
      if (count === 20) break;
    }
    stream.abort();
    await closed(server);
  },
});
