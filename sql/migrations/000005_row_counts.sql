-- What became of the rows that a model's SQL gave: in = inserted + updated + unchanged + superseded + excluded, and of
-- a merging model with delete_where + deleted. NULL where strata doesn't count: views, tests, runs of before.
alter table ops.model_run
add column rows_in bigint,
add column rows_unchanged bigint,
add column rows_superseded bigint,
add column rows_excluded bigint;

-- The settings that a relation was built with and that give it its shape; NULL for relations of before.
alter table ops.relation add column config jsonb;

-- Each relation is built in a schema of its own, which lives as long as the transaction.
drop schema if exists strata_build;
