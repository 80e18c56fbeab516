import type { DatabasePool } from 'slonik';
import { compileProject } from '../../src/compiler/compile-project';
import type { Manifest } from '../../src/compiler/manifest';
import { createWarehousePool } from '../../src/db/pool';
import { rawSql } from '../../src/db/raw-sql';
import type { NodeResult, TransformInput } from '../../src/wire/transform';
import { createTestDatabase, type TestDatabase } from './database';
import { TestWarehouse } from './test-warehouse';

const SOURCES = `version: 2
sources:
  - {name: raw, schema: bronze, tables: [{name: orders}]}
  - {name: plain, schema: public, tables: [{name: things}]}
`;

const ORDERS = {
  name: 'orders',
  key: ['id'],
  columns: [
    { name: 'id', type: 'text' },
    { name: 'n', type: 'integer' },
  ],
};

/** A small project made of text, in a database of its own: source `raw.orders` is a dataset, `plain.things` a table. */
export class Shop {
  private constructor(
    readonly pool: DatabasePool,
    private readonly database: TestDatabase,
  ) {}

  static async open(): Promise<Shop> {
    const database = await createTestDatabase({ template: 'migrated' });
    const shop = new Shop(await createWarehousePool(database.url, { maximumPoolSize: 4 }), database);
    await shop.execute('create table things (id text, n integer, at timestamptz, place integer)');
    return shop;
  }

  get url(): string {
    return this.database.url;
  }

  async close(): Promise<void> {
    await this.pool.end();
    await this.database.drop();
  }

  compile(models: Readonly<Record<string, string>>, schema = 'shop'): Manifest {
    return compileProject({
      files: [
        { path: 'dbt_project.yml', text: `name: shop\nmodels:\n  shop:\n    +schema: ${schema}\n` },
        { path: 'models/sources.yml', text: SOURCES },
        ...Object.entries(models).map(([name, text]) => ({ path: `models/${name}.sql`, text })),
      ],
      datasets: [ORDERS],
    });
  }

  warehouse(models: Readonly<Record<string, string>>): Promise<TestWarehouse> {
    return TestWarehouse.open(this.pool, this.compile(models));
  }

  async run(models: Readonly<Record<string, string>>, transform: TransformInput = {}): Promise<NodeResult[]> {
    return (await this.warehouse(models)).run(transform);
  }

  async execute(...statements: string[]): Promise<void> {
    for (const statement of statements) await this.pool.query(rawSql(statement));
  }

  async select(query: string): Promise<readonly Record<string, unknown>[]> {
    return (await this.pool.query(rawSql(query))).rows;
  }
}
