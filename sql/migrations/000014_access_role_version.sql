-- With which script and which tables the roles were given what they need: other ones, and they are given it again.
alter table ops.access_role add column version text not null default '';
