// node ag_ui.mjs SERVER: checks the client of AG-UI.
import { HttpAgent } from "@ag-ui/client";
import { check, closed, equal } from "./check.mjs";

const [server] = process.argv.slice(2);
const PROMPT = "Hello, 世界\nline two  and a: colon";

const agent = () =>
  new HttpAgent({ url: `${server}/ag-ui`, initialMessages: [{ id: "1", role: "user", content: PROMPT }] });

await check("@ag-ui/client", "@ag-ui/client", {
  streams: async () => {
    let text = "";
    const { newMessages } = await agent().runAgent(
      { forwardedProps: { model: "echo" } },
      { onTextMessageContentEvent: ({ event }) => { text += event.delta; } },
    );
    equal([text, newMessages.map((message) => message.content)], [PROMPT, [PROMPT]]);
  },
  "error in mid-stream": async () => {
    let failure;
    let tokens = 0;
    const run = agent().runAgent(
      { forwardedProps: { model: "flaky" } },
      {
        onTextMessageContentEvent: () => { tokens += 1; },
        onRunErrorEvent: ({ event }) => { failure = event.message; },
      },
    );
    await run.catch(() => {});
    equal([failure, tokens], ["the model is overloaded", 2]);
  },
  cancels: async () => {
    const running = agent();
    let tokens = 0;
    const run = running.runAgent(
      { forwardedProps: { model: "endless" } },
      {
        onTextMessageContentEvent: () => {
          tokens += 1;
          if (tokens === 20) running.abortRun();
        },
      },
    );
    await run.catch(() => {});
    await closed(server);
  },
});
process.exit();
