import { DAY_MS, HISTORY_FROM, HISTORY_TO, instantText } from './calendar';
import type { Random } from './random';
import type { CustomerRow } from './rows';

/** A customer as the generator knows it: its versions by effective time, and when it stops paying. */
export interface DemoCustomer {
  readonly id: string;
  readonly createdAt: number;
  readonly churnedAt: number;
  readonly versions: readonly DemoVersion[];
}

export interface DemoVersion {
  readonly at: number;
  readonly row: CustomerRow;
}

export const MONTHLY_PRICE: Readonly<Record<string, number>> = {
  free: 0,
  basic: 29,
  pro: 99,
  enterprise: 499,
};

const FIRST =
  'Ada Ben Cleo Dan Eva Finn Gia Hugo Ida Jon Kira Leo Mia Nils Olga Paul Rosa Sam Tara Uwe'.split(' ');
const LAST = 'Adler Brandt Costa Dahl Evans Frank Gruber Haas Ito Jensen Kim Lopez Meyer Novak Okoro'.split(
  ' ',
);
const KINDS = ['GmbH', 'Ltd', 'Inc', 'AG', 'SARL', 'Partners', '& Sons'];
const PLANS = ['free', 'basic', 'pro', 'enterprise'];
const SEGMENTS = ['starter', 'growth', 'enterprise'];

const companyName = (random: Random): string =>
  random.chance(0.15)
    ? `${random.pick(LAST)}, ${random.pick(LAST)} ${random.pick(KINDS)}`
    : `${random.pick(FIRST)} ${random.pick(LAST)} ${random.pick(KINDS)}`;

const step = (words: readonly string[], word: string, by: number): string => {
  const index = Math.min(words.length - 1, Math.max(0, words.indexOf(word) + by));
  return words[index] ?? word;
};

const firstRow = (random: Random, id: string, createdAt: number): CustomerRow => ({
  customer_id: id,
  name: companyName(random),
  email: `billing+${id.toLowerCase()}@example.com`,
  segment: random.weighted({ starter: 60, growth: 30, enterprise: 10 }),
  plan_type: random.weighted({ free: 15, basic: 50, pro: 28, enterprise: 7 }),
  acquisition_channel: random.weighted({ search: 35, social: 25, partners: 15, events: 5, '': 20 }),
  created_at: instantText(createdAt),
  updated_at: instantText(createdAt),
});

/** The same customer, changed from `at` on. */
export const changedRow = (random: Random, row: CustomerRow, at: number): CustomerRow => {
  const changed = { ...row, updated_at: instantText(at) };
  switch (random.weighted({ upgrade: 35, downgrade: 15, segment: 20, name: 10, email: 20 })) {
    case 'upgrade':
      return { ...changed, plan_type: step(PLANS, row.plan_type, 1) };
    case 'downgrade':
      return { ...changed, plan_type: step(PLANS, row.plan_type, -1) };
    case 'segment':
      return { ...changed, segment: step(SEGMENTS, row.segment, 1) };
    case 'name':
      return { ...changed, name: companyName(random) };
    case 'email':
      return {
        ...changed,
        email: `finance+${row.customer_id.toLowerCase()}.${random.int(1, 99)}@example.com`,
      };
  }
};

export const newCustomer = (random: Random, number: number, createdAt: number): DemoCustomer => {
  const id = `C${String(number).padStart(5, '0')}`;
  const versions: DemoVersion[] = [{ at: createdAt, row: firstRow(random, id, createdAt) }];
  const lifeDays = Math.floor(90 + 1_500 * random.next());
  const churnedAt = createdAt + lifeDays * DAY_MS;
  let at = createdAt;
  while (random.chance(0.45)) {
    at += random.int(20, 300) * DAY_MS + random.int(0, 86_400) * 1000;
    const last = versions.at(-1);
    if (at >= HISTORY_TO || last === undefined) break;
    versions.push({ at, row: changedRow(random, last.row, at) });
  }
  return { id, createdAt, churnedAt, versions };
};

/** Customers that came in the three years, most of them in the later ones. */
export const historyCustomers = (random: Random, count: number): DemoCustomer[] => {
  const span = HISTORY_TO - HISTORY_FROM;
  const arrivals = Array.from(
    { length: count },
    () => HISTORY_FROM + Math.floor(span * random.next() ** 0.8),
  );
  return arrivals
    .sort((a, b) => a - b)
    .map((at, index) => newCustomer(random, index + 1, Math.floor(at / 1000) * 1000));
};

export const versionAt = (customer: DemoCustomer, at: number): CustomerRow | undefined =>
  customer.versions.findLast((version) => version.at <= at)?.row;
