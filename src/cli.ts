#!/usr/bin/env node
import { loadMain } from './load-main';

const args = process.argv.slice(2);

// Exits by itself: a native handle that lingers must not keep a finished command alive.
loadMain(args)(args).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`error: ${String(error)}\n`);
    process.exit(1);
  },
);
