-- Which plan the files of a project were compiled to, so that a command finds it without compiling them again.
create table ops.plan_source (
    source_hash text primary key,
    plan_hash text not null references ops.plan (plan_hash),
    created_at timestamptz not null default clock_timestamp()
);
