/**
 * Echo's tables computed from scratch in plain TypeScript, from all accepted rows in load order: the oracle of the
 * property tests. It shares no code with the SQL. Money is in cents, times are microseconds since 1970 UTC.
 */
export interface CustomerRow {
  readonly customer_id: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly segment: string | null;
  readonly plan_type: string | null;
  readonly acquisition_channel: string | null;
  readonly created_at: bigint;
  readonly updated_at: bigint;
  /** A tombstone: from `updated_at` on there is no such customer. */
  readonly is_deleted?: boolean;
}

export interface TransactionRow {
  readonly transaction_id: string;
  readonly customer_id: string;
  readonly transaction_date: bigint;
  readonly amount: bigint;
  readonly transaction_type: string;
  readonly status: string;
}

export interface SpendRow {
  readonly spend_date: string;
  readonly channel: string;
  readonly amount: bigint;
}

/** A row with its place in the load order. */
export type Loaded<Row> = Row & { readonly batchId: number; readonly rowNumber: number };

export interface Accepted {
  readonly customers: readonly Loaded<CustomerRow>[];
  readonly transactions: readonly Loaded<TransactionRow>[];
  readonly marketing_spend: readonly Loaded<SpendRow>[];
}

/** Table name to its rows, each as text in the table's columns, sorted. */
export type Tables = Record<string, string[]>;

type Value = string | number | bigint | boolean | null;

interface Version {
  readonly row: CustomerRow;
  readonly channel: string | null;
  readonly email: string | null;
  readonly createdAt: bigint;
  readonly validFrom: bigint;
  validTo: bigint | null;
}

export const rowText = (values: readonly Value[]): string =>
  values.map((v) => (v === null ? '∅' : String(v))).join(' | ');

/** Cents as numeric(.., 2) prints them. */
export const money = (cents: bigint): string => {
  const digits = (cents < 0n ? -cents : cents).toString().padStart(3, '0');
  return `${cents < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
};

/** `value / divisor` with `decimals`, half away from zero, as PostgreSQL rounds numerics. */
const ratio = (value: bigint, divisor: bigint, decimals: number): string => {
  const scaled = (value < 0n ? -value : value) * 10n ** BigInt(decimals);
  const rounded = (2n * scaled + divisor) / (2n * divisor);
  const digits = rounded.toString().padStart(decimals + 1, '0');
  const sign = value < 0n && rounded > 0n ? '-' : '';
  return `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
};

/** The UTC day and month of an instant. */
const calendar = (microseconds: bigint): { day: string; month: string } => {
  const rest = ((microseconds % 1000n) + 1000n) % 1000n;
  const day = new Date(Number((microseconds - rest) / 1000n)).toISOString().slice(0, 10);
  return { day, month: `${day.slice(0, 7)}-01` };
};

const monthAfter = (month: string): string => {
  const [year, number] = month.split('-').map(Number) as [number, number];
  const [nextYear, next] = number === 12 ? [year + 1, 1] : [year, number + 1];
  return `${String(nextYear).padStart(4, '0')}-${String(next).padStart(2, '0')}-01`;
};

const byLoadOrder = (a: Loaded<object>, b: Loaded<object>): number =>
  a.batchId - b.batchId || a.rowNumber - b.rowNumber;

/** Of the rows of a key the one loaded last. */
const latest = <Row>(rows: readonly Loaded<Row>[], key: (row: Row) => string): Loaded<Row>[] => {
  const result = new Map<string, Loaded<Row>>();
  for (const row of [...rows].sort(byLoadOrder)) result.set(key(row), row);
  return [...result.values()];
};

const groupBy = <T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> => {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
};

const sumOf = (rows: readonly { readonly amount: bigint }[]): bigint =>
  rows.reduce((sum, r) => sum + r.amount, 0n);

const sameVersion = (a: CustomerRow, b: CustomerRow): boolean =>
  a.segment === b.segment && a.plan_type === b.plan_type && a.name === b.name;

/** The versions of one customer from all of its changes, in order of their effective times. */
const historyOf = (changes: readonly CustomerRow[]): Version[] => {
  const ordered = [...changes].sort((a, b) => (a.updated_at < b.updated_at ? -1 : 1));
  const live = ordered.filter((row) => row.is_deleted !== true);
  const first = live[0] as CustomerRow;
  const last = live[live.length - 1] as CustomerRow;
  const versions: Version[] = [];
  let open: Version | undefined;
  for (const row of ordered) {
    if (row.is_deleted === true) {
      if (open) open.validTo = row.updated_at;
      open = undefined;
      continue;
    }
    if (open && sameVersion(open.row, row)) continue;
    const isFirst = row === ordered[0];
    const validFrom = isFirst && row.created_at <= row.updated_at ? row.created_at : row.updated_at;
    if (open) open.validTo = validFrom;
    open = {
      row,
      channel: first.acquisition_channel,
      email: last.email,
      createdAt: first.created_at,
      validFrom,
      validTo: null,
    };
    versions.push(open);
  }
  return versions;
};

interface Fact {
  readonly row: TransactionRow;
  readonly version: Version | undefined;
}

const revenueBy = (facts: readonly Fact[], group: (fact: Fact) => readonly Value[]): string[] => {
  const completed = facts.filter((f) => f.row.status === 'completed');
  return [...groupBy(completed, (f) => rowText(group(f)))].map(([key, members]) =>
    rowText([
      key,
      money(sumOf(members.map((f) => f.row))),
      members.length,
      new Set(members.map((f) => f.row.customer_id)).size,
    ]),
  );
};

interface MrrMonth {
  readonly month: string;
  mrr: bigint;
  active: bigint;
  newMrr: bigint;
  reactivation: bigint;
  expansion: bigint;
  contraction: bigint;
  churned: bigint;
  newCustomers: bigint;
  churnedCustomers: bigint;
}

const emptyMonth = (month: string): MrrMonth => ({
  month,
  mrr: 0n,
  active: 0n,
  newMrr: 0n,
  reactivation: 0n,
  expansion: 0n,
  contraction: 0n,
  churned: 0n,
  newCustomers: 0n,
  churnedCustomers: 0n,
});

const addMovement = (m: MrrMonth, customer: { now: bigint; before: bigint; everActive: boolean }): void => {
  const { now, before, everActive } = customer;
  if (now > 0n) {
    m.mrr += now;
    m.active += 1n;
    if (before > 0n && now > before) m.expansion += now - before;
    else if (before > 0n) m.contraction += before - now;
    else if (everActive) m.reactivation += now;
    else {
      m.newMrr += now;
      m.newCustomers += 1n;
    }
  } else if (before > 0n) {
    m.churned += before;
    m.churnedCustomers += 1n;
  }
};

const mrrMonths = (transactions: readonly TransactionRow[]): MrrMonth[] => {
  const paid = transactions.filter((t) => t.status === 'completed' && t.transaction_type === 'subscription');
  const months = paid.map((t) => calendar(t.transaction_date).month).sort();
  const byCustomer = [...groupBy(paid, (t) => t.customer_id).values()].map((rows) => ({
    sums: new Map(
      [...groupBy(rows, (t) => calendar(t.transaction_date).month)].map(([m, members]) => [
        m,
        sumOf(members),
      ]),
    ),
    everActive: false,
  }));
  const result: MrrMonth[] = [];
  const last = months[months.length - 1] ?? '';
  for (let month = months[0] ?? '9'; month <= last; month = monthAfter(month)) {
    const m = emptyMonth(month);
    const previous = result[result.length - 1]?.month ?? '';
    for (const customer of byCustomer) {
      const now = customer.sums.get(month) ?? 0n;
      addMovement(m, { now, before: customer.sums.get(previous) ?? 0n, everActive: customer.everActive });
      if (now > 0n) customer.everActive = true;
    }
    result.push(m);
  }
  return result;
};

const kpiRow = (
  m: MrrMonth,
  { activeBefore, revenue, spent }: { activeBefore: bigint; revenue: bigint; spent: bigint },
): string =>
  rowText([
    m.month,
    money(revenue),
    money(m.mrr),
    m.active,
    m.newCustomers,
    m.churnedCustomers,
    activeBefore === 0n ? null : ratio(m.churnedCustomers, activeBefore, 4),
    m.active === 0n ? null : ratio(m.mrr, m.active * 100n, 2),
    money(spent),
    m.newCustomers === 0n ? null : ratio(spent, m.newCustomers * 100n, 2),
  ]);

const marts = (facts: readonly Fact[], spend: readonly SpendRow[]): Tables => {
  const transactions = facts.map((f) => f.row);
  const months = mrrMonths(transactions);
  const completed = transactions.filter((t) => t.status === 'completed');
  const revenueOf = groupBy(completed, (t) => calendar(t.transaction_date).month);
  const spendOf = groupBy(spend, (s) => `${s.spend_date.slice(0, 7)}-01`);
  return {
    'platinum.mart_revenue_monthly': revenueBy(facts, ({ row, version }) => [
      calendar(row.transaction_date).month,
      version?.row.segment ?? 'unknown',
    ]),
    'platinum.mart_revenue_daily': revenueBy(facts, ({ row }) => [calendar(row.transaction_date).day]),
    'platinum.mart_mrr_monthly': months.map((m) =>
      rowText([
        m.month,
        money(m.mrr),
        m.active,
        ...[m.newMrr, m.reactivation, m.expansion, m.contraction, m.churned].map(money),
      ]),
    ),
    'platinum.mart_kpis_monthly': months.map((m, i) =>
      kpiRow(m, {
        activeBefore: months[i - 1]?.active ?? 0n,
        revenue: sumOf(revenueOf.get(m.month) ?? []),
        spent: sumOf(spendOf.get(m.month) ?? []),
      }),
    ),
  };
};

/** What the tables have to be. */
export const referenceTables = (accepted: Accepted): Tables => {
  const changes = latest(accepted.customers, (c) => rowText([c.customer_id, c.updated_at]));
  const transactions = latest(accepted.transactions, (t) => t.transaction_id);
  const spend = latest(accepted.marketing_spend, (s) => rowText([s.spend_date, s.channel]));
  const histories = new Map(
    [...groupBy(changes, (c) => c.customer_id)].map(([id, rows]) => [id, historyOf(rows)]),
  );
  const covers = (v: Version, at: bigint): boolean =>
    v.validFrom <= at && (v.validTo === null || at < v.validTo);
  const facts = transactions.map((row) => ({
    row,
    version: histories.get(row.customer_id)?.find((v) => covers(v, row.transaction_date)),
  }));
  const tables: Tables = {
    'silver.stg_customers': changes.map((c) =>
      rowText([
        c.customer_id,
        c.name,
        c.email,
        c.segment,
        c.plan_type,
        c.acquisition_channel,
        c.created_at,
        c.updated_at,
        c.batchId,
        c.rowNumber,
      ]),
    ),
    'silver.stg_transactions': transactions.map((t) =>
      rowText([
        t.transaction_id,
        t.customer_id,
        t.transaction_date,
        money(t.amount),
        t.transaction_type,
        t.status,
        t.batchId,
        t.rowNumber,
      ]),
    ),
    'silver.stg_marketing_spend': spend.map((s) =>
      rowText([s.spend_date, s.channel, money(s.amount), s.batchId, s.rowNumber]),
    ),
    'gold.dim_customer': [...histories].flatMap(([id, versions]) =>
      versions.map((v) =>
        rowText([
          id,
          v.row.name,
          v.email,
          v.row.segment,
          v.row.plan_type,
          v.channel,
          v.createdAt,
          v.validFrom,
          v.validTo,
          v.validTo === null,
        ]),
      ),
    ),
    'gold.fct_transactions': facts.map(({ row, version }) =>
      rowText([
        row.transaction_id,
        row.customer_id,
        row.transaction_date,
        money(row.amount),
        row.transaction_type,
        row.status,
        version?.row.segment ?? null,
        version?.row.plan_type ?? null,
        version?.validFrom ?? null,
      ]),
    ),
    ...marts(facts, spend),
  };
  for (const rows of Object.values(tables)) rows.sort();
  return tables;
};
