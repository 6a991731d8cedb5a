// Hold static/leaderboard/ranking.js to the shared test vectors: node tests/vectors/check_ranking.mjs
import { readFile } from "node:fs/promises";
import { checkAll } from "./check.mjs";

const read = (path) => readFile(new URL(path, import.meta.url), "utf8");
// As a data: address, since node takes a .js file for CommonJS where no package.json says otherwise.
const source = await read("../../static/leaderboard/ranking.js");
const ranking = await import(`data:text/javascript,${encodeURIComponent(source)}`);
const vectors = JSON.parse(await read("ranking.json"));

const failures = checkAll(vectors, ranking);
for (const failure of failures) console.error(failure);
const count = vectors.rank.length + vectors.champions.length + vectors.break_even.length + vectors.errors.length;
console.log(`${count} vectors, ${failures.length} failures`);
process.exitCode = failures.length > 0 ? 1 : 0;
