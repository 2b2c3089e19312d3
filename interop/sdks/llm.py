"""python llm.py SERVER: checks the SDKs of OpenAI and Anthropic for Python."""

import asyncio
import sys

import anthropic
import openai
from check import check, closed, equal

server = sys.argv[1]
PROMPT = "Hello, 世界\nline two  and a: colon"
MESSAGES = [{"role": "user", "content": PROMPT}]


def of_openai():
    client = openai.AsyncOpenAI(base_url=f"{server}/openai", api_key="none", max_retries=0)

    def chat(model):
        return client.chat.completions.create(model=model, stream=True, messages=MESSAGES)

    async def streams():
        text, finish = "", None
        async for chunk in await chat("echo"):
            text += chunk.choices[0].delta.content or ""
            finish = chunk.choices[0].finish_reason
        equal([text, finish], [PROMPT, "stop"])
        text = ""
        async for event in await client.responses.create(model="echo", stream=True, input=PROMPT):
            if event.type == "response.output_text.delta":
                text += event.delta
            if event.type == "response.completed":
                equal(event.response.output_text, PROMPT)
        equal(text, PROMPT)

    async def fails():
        tokens = 0
        try:
            async for _ in await chat("flaky"):
                tokens += 1
        except openai.APIError as error:
            equal([error.code, tokens], ["overloaded", 2])
            return
        raise AssertionError("no error")

    async def cancels():
        tokens = 0
        async with await chat("endless") as stream:
            async for _ in stream:
                tokens += 1
                if tokens == 20:
                    break
        await closed(server)

    return {"streams": streams, "error in mid-stream": fails, "cancels": cancels}


def of_anthropic():
    client = anthropic.AsyncAnthropic(base_url=f"{server}/anthropic", api_key="none", max_retries=0)

    def request(model):
        return client.messages.stream(model=model, max_tokens=100, messages=MESSAGES)

    async def streams():
        async with request("echo") as stream:
            text = "".join([token async for token in stream.text_stream])
            message = await stream.get_final_message()
        equal([text, message.content[0].text, message.stop_reason], [PROMPT, PROMPT, "end_turn"])

    async def fails():
        tokens = 0
        try:
            async with request("flaky") as stream:
                async for _ in stream.text_stream:
                    tokens += 1
        except anthropic.APIStatusError as error:
            equal([error.body["error"]["type"], tokens], ["overloaded_error", 2])
            return
        raise AssertionError("no error")

    async def cancels():
        tokens = 0
        async with request("endless") as stream:
            async for _ in stream.text_stream:
                tokens += 1
                if tokens == 20:
                    break
        await closed(server)

    return {"streams": streams, "error in mid-stream": fails, "cancels": cancels}


async def main():
    await check("openai (Python)", "openai", of_openai())
    await check("anthropic (Python)", "anthropic", of_anthropic())


asyncio.run(main())
