#!/usr/bin/env node
import { main } from './cli/main';

// Exits by itself: a native handle that lingers must not keep a finished command alive.
main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`error: ${String(error)}\n`);
    process.exit(1);
  },
);
