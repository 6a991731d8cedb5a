/**
 * Check ranking.js and usage_range.js against the shared test vectors, in a browser or in node.
 *
 * @param {object} vectors the content of ranking.json
 * @param {{rank: Function, champions: Function, breakEven: Function, overRange: Function}} ranking both modules' functions
 * @returns {string[]} one line per failure, empty if every answer is right
 */
export function checkAll(vectors, ranking) {
  const calls = {
    rank: ({ candidates, options }) => callRank(ranking, candidates, options),
    champions: ({ candidates, options }) => ranking.champions(candidates, camelCase(options)),
    break_even: ({ a, b, shared_by: sharedBy, accuracy_weight: weight }) => ranking.breakEven(a, b, sharedBy, weight),
    over_range: ({ candidates, options }) => callOverRange(ranking, candidates, options),
  };
  const failures = [];
  for (const [name, call] of Object.entries(calls)) {
    if (!vectors[name]?.length) failures.push(`${name}: no vectors`);
    for (const vector of vectors[name] ?? []) {
      let actual;
      try {
        actual = call(vector);
      } catch (error) {
        failures.push(`${name}: ${vector.name}: threw ${error}`);
        continue;
      }
      const difference = firstDifference(actual, vector.expected, "");
      if (difference) failures.push(`${name}: ${vector.name}: ${difference}`);
    }
  }
  for (const vector of vectors.errors) {
    const failure = checkError(vector, ranking);
    if (failure) failures.push(failure);
  }
  return failures;
}

const RELATIVE_TOLERANCE = 1e-12;
const OPTION_NAMES = {
  shared_by: "sharedBy",
  min_quality: "minQuality",
  include_incomplete: "includeIncomplete",
  order_by: "orderBy",
  accuracy_weight: "accuracyWeight",
};

function camelCase(options) {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [OPTION_NAMES[name], value]));
}

function callRank(ranking, candidates, { usage_intensity: usageIntensity, ...options }) {
  return ranking.rank(candidates, usageIntensity, camelCase(options));
}

function callOverRange(ranking, candidates, { n_from: from, n_to: to, ...options }) {
  return ranking.overRange(candidates, from, to, camelCase(options));
}

function checkError({ function: name, options, message }, ranking) {
  const [a, b] = [1, 2].map((inferenceEnergyJ) => ({
    key: inferenceEnergyJ,
    shared_energy_j: 0,
    own_energy_j: 0,
    inference_energy_j: inferenceEnergyJ,
    shared_u95_j: 0,
    own_u95_j: 0,
    inference_u95_j: 0,
    quality: null,
    complete: true,
  }));
  const calls = {
    rank: () => callRank(ranking, [a, b], options),
    champions: () => ranking.champions([a, b], camelCase(options)),
    break_even: () => ranking.breakEven(a, b, options.shared_by, options.accuracy_weight),
    over_range: () => callOverRange(ranking, [a, b], options),
  };
  const call = `${name}(${JSON.stringify(options)})`;
  try {
    calls[name]();
  } catch (error) {
    const absent = message.filter((part) => !error.message.includes(part));
    if (!(error instanceof RangeError)) return `errors: ${call} threw ${error}, no RangeError`;
    return absent.length > 0 ? `errors: ${call}: "${error.message}" lacks ${absent.join(" and ")}` : null;
  }
  return `errors: ${call} was not refused`;
}

function firstDifference(actual, expected, path) {
  if (expected !== null && typeof expected === "object") {
    const [actualKeys, expectedKeys] = [Object.keys(actual ?? {}).sort(), Object.keys(expected).sort()];
    if (actualKeys.join() !== expectedKeys.join()) return `${path} has ${actualKeys}, expected ${expectedKeys}`;
    for (const key of expectedKeys) {
      const difference = firstDifference(actual[key], expected[key], `${path}/${key}`);
      if (difference) return difference;
    }
    return null;
  }
  if (typeof expected === "number" && typeof actual === "number") {
    // Whole numbers below 10^12 cannot pass for their neighbours, so ranks are held exactly.
    if (Math.abs(actual - expected) <= RELATIVE_TOLERANCE * Math.abs(expected)) return null;
  }
  return actual === expected ? null : `${path} is ${actual}, expected ${expected}`;
}
