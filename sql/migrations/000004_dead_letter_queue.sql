-- Dead letters as a queue: corrections beside the records, replays, and a trace of every action.

-- The names in the file's header, in the file's order: what tells a record's fields into columns. NULL for files that
-- were loaded before this column was there, and for headers of more than 64 KiB.
alter table ops.batch add column header text [];

-- A replay's rows come from many batches, and keep their own _batch_id.
alter table ops.load alter column batch_id drop not null;
alter table ops.load add constraint load_of_file_has_batch check (kind = 'replay' or batch_id is not null);

alter table ops.dead_letter
-- the columns that people have mended, as texts; the record itself is never changed
add column corrected jsonb,
-- counts corrections: a replay takes the letter as it was when it was asked for, or not at all
add column revision integer not null default 0;

create table ops.dead_letter_replay (
    replay_id bigint generated always as identity primary key,
    dataset text not null,
    -- loaded: its rows are written and not yet seen
    state text not null default 'requested' check (state in ('requested', 'loaded', 'done', 'failed')),
    actor text not null,
    reason text,
    -- of a replay that was started without the commands: a retry of its first step finds it by these
    workflow_id text,
    workflow_run_id text,
    -- how many letters it was asked for
    letters bigint not null default 0,
    -- letters of files that were rejected whole, which were left out
    letters_left_out bigint not null default 0,
    replayed bigint,
    failed bigint,
    -- letters that were corrected, discarded or replayed by somebody else meanwhile
    skipped bigint,
    load_id bigint references ops.load (load_id) on delete set null,
    error text,
    error_code text,
    requested_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    unique (workflow_id, workflow_run_id)
);

-- Which letters a replay takes, in which revision, and what became of each; gone when the replay is done.
create table ops.dead_letter_replay_item (
    replay_id bigint not null references ops.dead_letter_replay (replay_id) on delete cascade,
    letter_id bigint not null,
    revision integer not null,
    outcome text check (outcome in ('good', 'bad', 'skipped')),
    error text,
    error_code text,
    primary key (replay_id, letter_id)
);

create table ops.dead_letter_action (
    action_id bigint generated always as identity primary key,
    letter_id bigint not null references ops.dead_letter (id) on delete cascade,
    action text not null check (action in ('edited', 'replayed', 'failed', 'discarded', 'reopened')),
    actor text not null,
    acted_at timestamptz not null default clock_timestamp(),
    reason text,
    -- of an edit: the columns corrected until then, and from then on
    before jsonb,
    after jsonb,
    -- of a replay
    replay_id bigint references ops.dead_letter_replay (replay_id),
    workflow_id text,
    error text,
    error_code text
);

create index dead_letter_action_of_letter on ops.dead_letter_action (letter_id);
