// Checks features of an SDK, and prints a line of JSON for each.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname } from "node:path";

const LIMIT_MS = 20_000;

// Returns the version of an installed package.
const version = async (name) => {
  const paths = createRequire(import.meta.url).resolve.paths(name);
  for (const folder of paths) {
    try {
      return JSON.parse(await readFile(`${folder}/${name}/package.json`, "utf8")).version;
    } catch {
      // It is in another folder.
    }
  }
  throw new Error(`${name} is not installed in ${dirname(import.meta.url)}`);
};

// Runs the function of each feature. A feature works if its function returns without an error, in time.
export const check = async (sdk, packageName, features) => {
  const installed = await version(packageName);
  for (const [feature, run] of Object.entries(features)) {
    let timer;
    const limit = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done after ${LIMIT_MS} ms`)), LIMIT_MS);
    });
    let error = null;
    try {
      await Promise.race([run(), limit]);
    } catch (thrown) {
      error = String(thrown?.stack ?? thrown);
    }
    clearTimeout(timer);
    console.log(JSON.stringify({ sdk, version: installed, feature, error }));
  }
};

export const equal = (found, expected) => {
  const [a, b] = [found, expected].map((value) => JSON.stringify(value));
  if (a !== b) throw new Error(`${a} is not ${b}`);
};

// Calls the function until it returns true.
export const until = async (condition) => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
};

// Waits until the server has no open stream any more.
export const closed = (server) => until(async () => (await (await fetch(`${server}/streams`)).text()) === "0");
