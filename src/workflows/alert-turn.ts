import type { RecordAlertsInput } from '../wire/alerts';

/** An activity takes 2 MB, and a character up to three bytes; the most that one condition has fits well. */
const CHARACTERS_PER_TURN = 400_000;

export const emptyTurn = (): RecordAlertsInput => ({
  conditions: [],
  acks: [],
  mutes: [],
  unmutes: [],
  tests: [],
});

/** How many of the conditions one turn takes; one at least. */
const takenCount = ({ conditions }: RecordAlertsInput): number => {
  let characters = 0;
  const first = conditions.findIndex((condition, index) => {
    characters += JSON.stringify(condition).length;
    return index > 0 && characters > CHARACTERS_PER_TURN;
  });
  return first < 0 ? conditions.length : first;
};

/** Whether one turn takes all of it. */
export const isOfOneTurn = (waiting: RecordAlertsInput): boolean =>
  takenCount(waiting) === waiting.conditions.length;

/** What the next turn takes: all, but where very much has gathered while nothing could be recorded. */
export const nextTurn = (
  waiting: RecordAlertsInput,
): { readonly taken: RecordAlertsInput; readonly left: RecordAlertsInput } => {
  const count = takenCount(waiting);
  return {
    taken: { ...waiting, conditions: waiting.conditions.slice(0, count) },
    left: { ...emptyTurn(), conditions: waiting.conditions.slice(count) },
  };
};

/** Each thing by itself, in the order in which a turn obeys them. */
const singly = ({ acks, mutes, unmutes, tests, conditions }: RecordAlertsInput): RecordAlertsInput[] => [
  ...acks.map((ack) => ({ ...emptyTurn(), acks: [ack] })),
  ...mutes.map((mute) => ({ ...emptyTurn(), mutes: [mute] })),
  ...unmutes.map((unmute) => ({ ...emptyTurn(), unmutes: [unmute] })),
  ...tests.map((test) => ({ ...emptyTurn(), tests: [test] })),
  ...conditions.map((condition) => ({ ...emptyTurn(), conditions: [condition] })),
];

const together = (turns: readonly RecordAlertsInput[]): RecordAlertsInput => ({
  acks: turns.flatMap(({ acks }) => acks),
  mutes: turns.flatMap(({ mutes }) => mutes),
  unmutes: turns.flatMap(({ unmutes }) => unmutes),
  tests: turns.flatMap(({ tests }) => tests),
  conditions: turns.flatMap(({ conditions }) => conditions),
});

/** A turn as two, of half the things each; undefined where it has only one, or none. */
export const halvesOf = (taken: RecordAlertsInput): RecordAlertsInput[] | undefined => {
  const all = singly(taken);
  const middle = Math.ceil(all.length / 2);
  return all.length < 2 ? undefined : [together(all.slice(0, middle)), together(all.slice(middle))];
};

export const isEmpty = (taken: RecordAlertsInput): boolean => singly(taken).length === 0;
