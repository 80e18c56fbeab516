-- What a model that found nothing to do went by: its plan, variables, and where all that it reads stood. As long as that
-- is the same, it finds nothing to do again.
alter table ops.relation add column basis jsonb;

-- That nothing was found is no change of the relation.
drop trigger tell_relation on ops.relation;
create trigger tell_relation after insert or update of version on ops.relation
for each row execute function ops.tell_relation();
