import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Copy, DockerfileParser, type From } from 'dockerfile-ast';
import { validate } from 'dockerfile-utils';

const root = resolve(__dirname, '..', '..', '..');
const text = readFileSync(join(root, 'Dockerfile'), 'utf8');
const dockerfile = DockerfileParser.parse(text);
const instructions = (keyword: string) =>
  dockerfile.getInstructions().filter((instruction) => instruction.getKeyword() === keyword);

/** Paths of the checkout that it copies. */
const copied = instructions('COPY').flatMap((instruction) =>
  (instruction as Copy).getFromFlag() === null
    ? instruction
        .getArguments()
        .slice(0, -1)
        .map((argument) => argument.getValue())
    : [],
);

describe('Dockerfile', () => {
  test('a linter finds nothing, and something in a broken one', () => {
    expect(validate(text).map(({ message }) => message)).toEqual([]);
    expect(validate(text.replace('WORKDIR /app', 'WORKDIRS /app'))).not.toEqual([]);
  });

  test('its base images are pinned to a version', () => {
    for (const instruction of instructions('FROM'))
      expect((instruction as From).getImage()).toMatch(/^node:\d+\.\d+\.\d+-bookworm(-slim)?$/);
  });

  test('what it copies is here, and is let through to the builder', () => {
    const ignored = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n');
    expect(ignored).toContain('*');
    expect(copied.length).toBeGreaterThan(5);
    for (const path of copied) {
      expect({ path, exists: existsSync(join(root, path)) }).toEqual({ path, exists: true });
      expect(ignored).toContain(`!${path}`);
    }
  });

  test('the image runs as a user that is not root, and its command is a worker', () => {
    expect(instructions('USER').at(-1)?.getArgumentsContent()).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    expect(instructions('ENTRYPOINT').at(-1)?.getArgumentsContent()).toBe('["node", "dist/cli.js"]');
    expect(instructions('CMD').at(-1)?.getArgumentsContent()).toBe('["worker"]');
  });
});
