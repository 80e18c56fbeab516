-- The attempt at a node that counts: the fence against workers that were frozen and wake up.
create table ops.node_attempt (
    run_id text not null references ops.run (run_id) on delete cascade,
    node_id text not null,
    -- the workflow execution that asks; another one than before is a workflow that was reset
    execution text not null,
    -- the workflow's try, and the orchestrator's delivery of it
    attempt integer not null,
    delivery integer not null,
    primary key (run_id, node_id)
);
