// node graphql.mjs SERVER: checks graphql-sse in both modes of its protocol.
import { createClient } from "graphql-sse";
import { check, closed, equal } from "./check.mjs";

const [server] = process.argv.slice(2);

const client = (singleConnection) => createClient({ url: `${server}/graphql`, singleConnection, retryAttempts: 0 });

const count = (to) => ({ query: "subscription($to: Int!) { count(to: $to) }", variables: { to } });

const counts = async (results) => {
  const seen = [];
  for await (const { data } of results) seen.push(data.count);
  return seen;
};

const features = (singleConnection) => ({
  streams: async () => {
    const graphql = client(singleConnection);
    const both = await Promise.all([3, 5].map((to) => counts(graphql.iterate(count(to)))));
    equal(both, [[1, 2, 3], [1, 2, 3, 4, 5]]);
    graphql.dispose();
    await closed(server);
  },
  "error in mid-stream": async () => {
    const graphql = client(singleConnection);
    const results = [];
    for await (const result of graphql.iterate({ query: "subscription { other }" })) results.push(result);
    equal(results, [{ errors: [{ message: "only `count(to: $to)` is known" }] }]);
    graphql.dispose();
  },
  cancels: async () => {
    const graphql = client(singleConnection);
    let seen = 0;
    for await (const _ of graphql.iterate(count(1_000_000))) {
      seen += 1;
      if (seen === 3) break;
    }
    // Another operation on the same connection is not disturbed.
    equal(await counts(graphql.iterate(count(2))), [1, 2]);
    graphql.dispose();
    await closed(server);
  },
});

await check("graphql-sse, distinct connections", "graphql-sse", features(false));
await check("graphql-sse, single connection", "graphql-sse", features(true));
process.exit();
