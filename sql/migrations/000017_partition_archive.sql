-- Partitions that are on their way to the archive, lie there, or came back from it.
create table ops.partition_archive (
    archive_id bigint generated always as identity primary key,
    relation text not null,
    partition text not null,
    -- months [month_from, month_to), UTC
    month_from date not null,
    month_to date not null,
    -- detaching: it is being taken out; detached: it stands alone, whole; written, verified: so does its file;
    -- archived: only the file; restored: it is back, and the file counts no more
    state text not null check (state in ('detaching', 'detached', 'written', 'verified', 'archived', 'restored')),
    -- the Parquet file: a path, or s3://bucket/key
    location text,
    -- what the file holds: rows, and for each column its type, NULLs and checksum
    manifest jsonb,
    bytes bigint,
    begun_at timestamptz not null default clock_timestamp(),
    changed_at timestamptz not null default clock_timestamp()
);

-- A partition is at one place.
create unique index partition_archive_current on ops.partition_archive (relation, partition) where state <> 'restored';
