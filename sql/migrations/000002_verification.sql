-- How relations compared with a full refresh, by run with command `verify`.
create table ops.verification (
    run_id text not null references ops.run (run_id) on delete cascade,
    node_id text not null,
    relation text not null,
    equal boolean not null,
    rows bigint not null,
    periods integer,
    differences jsonb not null default '{}',
    duration_ms bigint not null,
    verified_at timestamptz not null default clock_timestamp(),
    primary key (run_id, node_id)
);

create index verification_recent on ops.verification (relation, verified_at desc);
