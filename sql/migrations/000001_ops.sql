-- strata's own tables. Append-only: never edit a migration that has shipped.

create schema if not exists strata_bronze;
create schema if not exists bronze;
-- Change feeds, one table a relation; and where relations are built before they take their place.
create schema if not exists strata_feed;
create schema if not exists strata_build;

-- One row: which warehouse this database is. A dropped and re-made database is another one.
create table ops.warehouse (
    only_row boolean primary key default true check (only_row),
    database_uuid uuid not null default gen_random_uuid(),
    created_at timestamptz not null default now()
);

insert into ops.warehouse default values;

-- The batch ledger: one row per accepted file. Batch ids follow the order of acceptance.
create table ops.batch (
    batch_id bigint generated always as identity primary key,
    dataset text not null,
    file text not null,
    state text not null default 'accepted'
    check (state in ('accepted', 'loading', 'loaded', 'published', 'duplicate', 'rejected', 'failed')),
    forced boolean not null default false,
    project_dir text,
    workflow_id text,
    workflow_run_id text,
    -- of the file as it lies there, and of its decompressed bytes
    file_bytes bigint,
    content_bytes bigint,
    sha256 text,
    rows_read bigint,
    rows_loaded bigint,
    rows_rejected bigint,
    extra_columns text [] not null default '{}',
    duplicate_of bigint references ops.batch (batch_id),
    error text,
    error_code text,
    accepted_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    unique (workflow_id, workflow_run_id)
);

create index batch_known_content on ops.batch (dataset, sha256) where state = 'published';
create index batch_recent on ops.batch (dataset, batch_id desc);

-- What bronze rows belong to: a file, or later a replay of dead letters. Rows are visible once their load is published.
create table ops.load (
    load_id bigint generated always as identity primary key,
    batch_id bigint not null references ops.batch (batch_id),
    dataset text not null,
    kind text not null default 'file' check (kind in ('file', 'replay')),
    row_count bigint not null default 0,
    -- inode, size and modification time of the file that the load's chunks came from
    file_identity text,
    -- 1, 2, 3 ... per dataset in the order of the commits; NULL until published
    position bigint,
    -- = _loaded_at of the load's rows; strictly increasing with position
    loaded_at timestamptz,
    created_at timestamptz not null default clock_timestamp(),
    unique (dataset, position),
    check ((position is null) = (loaded_at is null))
);

create index load_of_batch on ops.load (batch_id);

-- Chunks of a load that are safe: where a retry goes on.
create table ops.load_chunk (
    load_id bigint not null references ops.load (load_id) on delete cascade,
    chunk_number integer not null,
    -- of the decompressed content, exclusive
    end_offset bigint not null,
    end_line bigint not null,
    end_row bigint not null,
    rows_loaded bigint not null,
    rows_rejected bigint not null,
    committed_at timestamptz not null default clock_timestamp(),
    primary key (load_id, chunk_number)
);

-- Rejected records. The queue that users see is the view: letters of loads that count.
create table ops.dead_letter (
    id bigint generated always as identity primary key,
    load_id bigint not null references ops.load (load_id) on delete cascade,
    dataset text not null,
    source text not null,
    file text not null,
    line_number bigint not null,
    record text not null,
    record_bytes bytea,
    error text not null check (error <> ''),
    error_code text not null,
    batch_id bigint not null,
    row_number bigint not null,
    state text not null default 'open' check (state in ('open', 'replayed', 'discarded')),
    attempts integer not null default 1,
    created_at timestamptz not null default clock_timestamp()
);

create index dead_letter_of_load on ops.dead_letter (load_id);
create index dead_letter_open on ops.dead_letter (dataset, batch_id) where state = 'open';

create view ops.dead_letter_queue as
select
    d.id,
    d.dataset,
    d.source,
    d.file,
    d.line_number,
    d.record,
    d.record_bytes,
    d.error,
    d.error_code,
    d.batch_id,
    d.row_number,
    d.state,
    d.attempts,
    d.created_at
from ops.dead_letter as d
inner join ops.batch as b on b.batch_id = d.batch_id
where b.state in ('published', 'rejected');

-- Compiled projects, by the sha256 of their manifest.
create table ops.plan (
    plan_hash text primary key,
    project text not null,
    manifest jsonb not null,
    created_at timestamptz not null default clock_timestamp()
);

create table ops.run (
    run_id text primary key,
    workflow_id text not null,
    command text not null,
    plan_hash text not null references ops.plan (plan_hash),
    full_refresh boolean not null default false,
    vars jsonb not null default '{}',
    selected integer not null,
    state text not null default 'running' check (state in ('running', 'success', 'failed', 'cancelled')),
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz
);

create index run_recent on ops.run (started_at desc);

-- The record of each node's effect, written in the transaction of the effect: a retry finds it and returns it.
create table ops.model_run (
    run_id text not null references ops.run (run_id) on delete cascade,
    node_id text not null,
    label text not null,
    kind text not null check (kind in ('model', 'test')),
    materialized text not null,
    state text not null check (state in ('success', 'warn', 'failed', 'skipped')),
    rows_inserted bigint,
    rows_updated bigint,
    rows_deleted bigint,
    periods jsonb not null default '[]',
    period_count integer,
    attempts integer not null default 1,
    duration_ms bigint not null,
    message text,
    finished_at timestamptz not null default clock_timestamp(),
    primary key (run_id, node_id)
);

create index model_run_recent on ops.model_run (node_id, finished_at desc);

-- Where the datasets stood when a run was planned: what its models consume, however often it is retried.
create table ops.run_input (
    run_id text not null references ops.run (run_id) on delete cascade,
    dataset text not null,
    position bigint not null,
    primary key (run_id, dataset)
);

-- Relations that strata's models maintain.
create table ops.relation (
    relation text primary key,
    node_id text not null,
    materialized text not null,
    -- counts the transactions that changed the relation; the versions of its change feed
    version bigint not null default 0,
    -- the last version whose changes are not in the feed: it was built anew, or nobody was listening
    reset_version bigint not null default 0,
    updated_at timestamptz not null default clock_timestamp()
);

-- How far a model has consumed each upstream, committed with the model's own change.
create table ops.model_progress (
    relation text not null,
    -- `dataset:NAME` (position of the last load) or `relation:SCHEMA.NAME` (version)
    upstream text not null,
    position bigint not null,
    updated_at timestamptz not null default clock_timestamp(),
    primary key (relation, upstream)
);

create index model_progress_of_upstream on ops.model_progress (upstream);
