-- When rows of a month of a partitioned relation last came, changed or went.
create table ops.partition_change (
    relation text not null,
    -- its first day, UTC
    month date not null,
    changed_at timestamptz not null default clock_timestamp(),
    primary key (relation, month)
);
