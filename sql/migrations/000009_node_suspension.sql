-- How a node failed, so that runs can be told apart in which it failed alike.
alter table ops.model_run
add column error_code text,
add column sql_state text;

-- Why a run ended as it did, where its nodes don't say so.
alter table ops.run add column message text;

-- A node that failed alike in several runs in a row isn't run again until the suspension is lifted. Kept when lifted.
create table ops.node_suspension (
    suspension_id bigint generated always as identity primary key,
    node_id text not null,
    relation text not null,
    -- the last of the runs in which it failed
    run_id text not null,
    failures integer not null,
    error_code text not null,
    sql_state text,
    reason text not null,
    -- sha256 of what the node was made of: another one lifts the suspension
    definition text not null,
    suspended_at timestamptz not null default clock_timestamp(),
    lifted_at timestamptz,
    lifted_because text check (lifted_because in ('resumed', 'succeeded', 'changed')),
    lifted_by text,
    check ((lifted_at is null) = (lifted_because is null))
);

create unique index node_suspension_open on ops.node_suspension (node_id) where lifted_at is null;
create index node_suspension_of_run on ops.node_suspension (run_id);
create index node_suspension_lifted on ops.node_suspension (node_id, lifted_at);
