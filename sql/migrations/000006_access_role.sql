-- The roles that strata's parts and readers have in this database, once `strata migrate` has made or found them.
create table ops.access_role (
    part text primary key check (part in ('loader', 'transformer', 'reader')),
    role_name text not null
);
