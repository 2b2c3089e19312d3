// node openai.mjs SERVER: checks OpenAI's SDK for JavaScript.
import OpenAI from "openai";
import { check, closed, equal } from "./check.mjs";

const [server] = process.argv.slice(2);
const openai = new OpenAI({ baseURL: `${server}/openai`, apiKey: "none", maxRetries: 0 });
const PROMPT = "Hello, 世界\nline two  and a: colon";

const chat = (model) =>
  openai.chat.completions.create({ model, stream: true, messages: [{ role: "user", content: PROMPT }] });

await check("openai (JavaScript)", "openai", {
  streams: async () => {
    let text = "";
    let finish;
    for await (const chunk of await chat("echo")) {
      text += chunk.choices[0].delta.content ?? "";
      finish = chunk.choices[0].finish_reason;
    }
    equal([text, finish], [PROMPT, "stop"]);
    text = "";
    for await (const event of await openai.responses.create({ model: "echo", stream: true, input: PROMPT })) {
      if (event.type === "response.output_text.delta") text += event.delta;
      if (event.type === "response.completed") equal(event.response.output[0].content[0].text, PROMPT);
    }
    equal(text, PROMPT);
  },
  "error in mid-stream": async () => {
    const tokens = [];
    try {
      for await (const chunk of await chat("flaky")) tokens.push(chunk.choices[0].delta.content);
    } catch (error) {
      equal([error instanceof OpenAI.APIError, error.code, tokens.length], [true, "overloaded", 2]);
      return;
    }
    throw new Error("no error");
  },
  cancels: async () => {
    const stream = await chat("endless");
    let count = 0;
    for await (const _ of stream) {
      count += 1;
      if (count === 20) break;
    }
    await closed(server);
  },
});
