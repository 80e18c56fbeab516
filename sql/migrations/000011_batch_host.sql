-- The host that has the file, where one was named: only its workers load it.
alter table ops.batch add column host text;
