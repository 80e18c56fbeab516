-- Loads declared complete: the file holds every entity that exists at this time.
alter table ops.batch
add column complete_as_of timestamptz,
-- share of the living that this load may close, NULL: as the dataset says
add column max_deletes double precision check (max_deletes between 0 and 1),
-- tombstones written for entities that the file doesn't have, rows written for entities that are back
add column rows_closed bigint,
add column rows_reopened bigint;
