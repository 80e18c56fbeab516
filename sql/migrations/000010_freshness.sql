-- The latest time that a load's rows tell of (the dataset's eventTime; a date counts to its end), as the loader saw it
-- while it read. NULL: the dataset declares none, a replay, a load of before.
alter table ops.load add column latest_event_at timestamptz;

create index load_latest_event on ops.load (dataset, latest_event_at desc)
where position is not null and latest_event_at is not null;

-- What each check of the sources' freshness came to.
create table ops.freshness_result (
    -- the run id of the workflow that checked, or what the command made up
    check_id text not null,
    -- dbt's unique id, e.g. source.echo.raw.transactions
    source_id text not null,
    -- as it is selected: raw.transactions
    source text not null,
    dataset text,
    status text not null check (status in ('pass', 'warn', 'error', 'skipped')),
    diagnosis text not null,
    message text not null,
    -- the moment that is judged: now, or a past one that somebody asked about
    as_of timestamptz not null,
    -- of the newest load that brought something new
    loaded_at timestamptz,
    age_seconds double precision,
    warn_after_seconds bigint,
    error_after_seconds bigint,
    latest_event_at timestamptz,
    event_age_seconds double precision,
    event_warn_after_seconds bigint,
    event_error_after_seconds bigint,
    -- the batch that the diagnosis speaks of
    batch_id bigint,
    checked_at timestamptz not null default clock_timestamp(),
    primary key (check_id, source_id)
);

create index freshness_result_recent on ops.freshness_result (source_id, as_of desc, checked_at desc);
