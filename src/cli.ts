#!/usr/bin/env node
import { loadMain } from './load-main';

const args = process.argv.slice(2);

// Without the line of the source, which Node would print: the bundle has few of them, and they are long.
const fail = (error: unknown): never => {
  process.stderr.write(`error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
};
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);

// Exits by itself: a native handle that lingers must not keep a finished command alive.
loadMain(args)(args).then((code) => process.exit(code), fail);
