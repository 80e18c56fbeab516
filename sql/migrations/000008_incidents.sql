-- Incidents: one per root cause, from the first time a condition of it was seen until none holds any more.
create table ops.incident (
    incident_id bigint generated always as identity primary key,
    -- the condition that opened it
    kind text not null check (kind in (
        'failure', 'freshness', 'dead-letters', 'schema-drift', 'verify-mismatch', 'suspended'
    )),
    subject text not null,
    severity text not null check (severity in ('warn', 'error')),
    state text not null default 'firing' check (state in ('firing', 'resolved')),
    summary text not null,
    affected text [] not null default '{}',
    -- the conditions that hold now
    conditions jsonb not null,
    -- of the condition that opened it: an observation that is told twice counts once
    observation text,
    seen integer not null default 1,
    run_id text,
    batch_id text,
    workflow_id text,
    opened_at timestamptz not null,
    last_seen_at timestamptz not null,
    resolved_at timestamptz,
    told_at timestamptz,
    acked_at timestamptz,
    acked_by text,
    ack_reason text,
    check ((state = 'resolved') = (resolved_at is not null))
);

create unique index incident_open on ops.incident (kind, subject) where state = 'firing';
create index incident_recent on ops.incident (opened_at desc);
create index incident_observation on ops.incident (observation) where state = 'resolved';

-- Messages about incidents, one for each channel.
create table ops.alert_delivery (
    delivery_id bigint generated always as identity primary key,
    -- NULL: a test message
    incident_id bigint references ops.incident (incident_id),
    event text not null check (event in ('firing', 'escalated', 'reminder', 'resolved', 'test')),
    channel text not null check (channel in ('webhook', 'slack', 'email')),
    -- the same with each try, so that a receiver can tell
    idempotency_key uuid not null default gen_random_uuid(),
    -- of a test: which one
    test_id text,
    message jsonb not null,
    state text not null default 'pending' check (state in ('pending', 'delivered', 'failed')),
    tries integer not null default 0,
    next_try_at timestamptz not null default clock_timestamp(),
    last_error text,
    created_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    unique (test_id, channel)
);

create index alert_delivery_pending on ops.alert_delivery (incident_id, channel, delivery_id) where state = 'pending';
create index alert_delivery_of_incident on ops.alert_delivery (incident_id, delivery_id);

create table ops.alert_mute (
    mute_id bigint generated always as identity primary key,
    -- NULL: any
    kind text,
    subject text,
    until timestamptz not null,
    actor text,
    reason text,
    created_at timestamptz not null default clock_timestamp(),
    -- set when somebody ended it before its time
    ended_at timestamptz,
    check (kind is not null or subject is not null)
);
