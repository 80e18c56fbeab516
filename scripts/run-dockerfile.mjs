// Does the Dockerfile's steps in a folder, on a machine without Docker:  node scripts/run-dockerfile.mjs FOLDER
// COPY, WORKDIR and ENV are obeyed, RUN is run by a shell; what needs root, or another system's folders, is listed as
// left out. The image's content is then FOLDER/1/app, its command is printed.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { DockerfileParser } from 'dockerfile-ast';

const root = resolve(import.meta.dirname, '..');
const target = process.argv[2];
if (target === undefined || existsSync(target)) {
  process.stderr.write('Usage: node scripts/run-dockerfile.mjs FOLDER   (a new one)\n');
  process.exit(2);
}

/** By name and by number: the folder that stands for the stage's "/". */
const stages = new Map();
const stage = { root: '', workdir: '/', env: {} };
const say = (line) => process.stdout.write(`${line}\n`);
const inside = (path) => join(stage.root, resolve(stage.workdir, path));

const from = (instruction) => {
  const number = stages.size;
  Object.assign(stage, { root: resolve(target, String(number)), workdir: '/', env: {} });
  stages.set(instruction.getBuildStage() ?? String(number), stage.root);
  mkdirSync(stage.root, { recursive: true });
};

const copy = (instruction) => {
  const args = instruction.getArguments().map((arg) => arg.getValue());
  const source = instruction.getFromFlag?.()?.getValue();
  const to = args.pop();
  for (const path of args) {
    const origin = join(stages.get(source) ?? root, path);
    if (!existsSync(origin)) {
      say(`  left out: ${path} is not here`);
      continue;
    }
    const isInto = to.endsWith('/') && !statSync(origin).isDirectory();
    cpSync(origin, isInto ? join(inside(to), basename(path)) : inside(to), {
      recursive: true,
      verbatimSymlinks: true,
    });
  }
};

const run = (instruction) => {
  const command = instruction.getRawArgumentsContent().replaceAll('\\\n', ' ');
  if (/--owner=|\/var\/|apt-get/.test(command)) return say(`  left out: ${command}`);
  execFileSync('/bin/sh', ['-euc', command], {
    cwd: inside('.'),
    env: { ...process.env, ...stage.env },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
};

const steps = {
  FROM: from,
  WORKDIR: (instruction) => {
    stage.workdir = instruction.getPath();
    mkdirSync(inside('.'), { recursive: true });
  },
  ENV: (instruction) => {
    for (const property of instruction.getProperties()) stage.env[property.getName()] = property.getValue();
  },
  COPY: copy,
  RUN: run,
};

const dockerfile = DockerfileParser.parse(readFileSync(join(root, 'Dockerfile'), 'utf8'));
for (const instruction of dockerfile.getInstructions()) {
  say(instruction.toString().split('\n')[0]);
  steps[instruction.getKeyword()]?.(instruction);
}
say(`done: ${stage.root}${stage.workdir}`);
