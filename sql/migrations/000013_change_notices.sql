-- Who listens to `strata_change` hears at a commit what of strata's own tables it changed: one word for each kind, and
-- for a relation its name. Equal notices of a transaction are one.
create function ops.tell_change() returns trigger language plpgsql as $tell$
begin
    perform pg_notify('strata_change', tg_argv[0]);
    return null;
end
$tell$;

create function ops.tell_relation() returns trigger language plpgsql as $tell$
begin
    perform pg_notify('strata_change', 'data ' || new.relation);
    return null;
end
$tell$;

create trigger tell_change after insert or update on ops.batch
for each statement execute function ops.tell_change('batches');
create trigger tell_change after insert or update on ops.run
for each statement execute function ops.tell_change('runs');
create trigger tell_change after insert or update on ops.model_run
for each statement execute function ops.tell_change('runs');
create trigger tell_change after insert or update on ops.node_attempt
for each statement execute function ops.tell_change('runs');
create trigger tell_change after insert or update on ops.node_suspension
for each statement execute function ops.tell_change('runs');
-- A load writes its letters unseen: only what is done with them is told.
create trigger tell_change after update on ops.dead_letter
for each statement execute function ops.tell_change('letters');
create trigger tell_change after insert or update on ops.dead_letter_replay
for each statement execute function ops.tell_change('letters');
create trigger tell_change after insert or update on ops.incident
for each statement execute function ops.tell_change('incidents');
create trigger tell_change after insert on ops.freshness_result
for each statement execute function ops.tell_change('freshness');
create trigger tell_relation after insert or update on ops.relation
for each row execute function ops.tell_relation();
