-- What a model that found nothing to do went by: its plan, variables, and where all that it reads stood. As long as that
-- is the same, it finds nothing to do again.
alter table ops.relation add column basis jsonb;
