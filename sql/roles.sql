-- Roles of least privilege; may be run as often as one likes, by strata or by an administrator. The words between
-- colons are filled in by strata migrate.
do $strata_roles$
declare
    loader constant text := :loader:;
    transformer constant text := :transformer:;
    reader constant text := :reader:;
    -- as whom strata logs in
    login constant text := :login:;
    made text;
    columns_shown text;
    item record;
begin
    perform pg_advisory_xact_lock(hashtextextended('strata:roles', 0));

    -- Roles belong to the cluster: another database may be making the same ones now.
    foreach made in array array[loader, transformer, reader] loop
        if not exists (select from pg_roles where rolname = made) then
            begin
                execute format('create role %I nologin', made);
            exception when duplicate_object or unique_violation then null;
            end;
        end if;
    end loop;
    -- From PostgreSQL 16 on, who makes a role may grant it, but not yet act as it.
    foreach made in array array[loader, transformer, reader] loop
        continue when pg_has_role(
            login, made, case when current_setting('server_version_num')::integer >= 160000 then 'set' else 'member' end
        );
        begin
            execute format('grant %I to %I', made, login);
        exception when unique_violation or internal_error then null;
        end;
    end loop;
    -- What is there already isn't given again: who runs this may not be allowed to.
    for item in
        select p.privilege, p.role_name
        from (
            values ('connect', loader), ('connect', transformer), ('connect', reader), ('create', transformer),
                ('temporary', loader), ('temporary', transformer)
        ) as p (privilege, role_name)
        where not has_database_privilege(p.role_name, current_database(), p.privilege)
    loop
        execute format('grant %s on database %I to %I', item.privilege, current_database(), item.role_name);
    end loop;

    -- strata's own tables: the ledger is the loader's, runs and relations are the transformer's. Dead letters hold
    -- what senders sent, whole: the loader alone sees them.
    execute format('grant usage on schema ops to %I, %I, %I', loader, transformer, reader);
    for item in
        select c.oid, c.oid::regclass as relation, c.relkind, c.relname like 'dead\_letter%' as is_letter,
            c.relname in ('batch', 'load', 'load_chunk') as is_ledger
        from pg_class as c
        where c.relnamespace = 'ops'::regnamespace and c.relkind in ('r', 'p', 'v')
            and c.relname not in ('migration', 'access_role')
    loop
        execute format('grant select on %s to %I', item.relation, loader);
        if item.is_letter then
            -- How many there are, and why, but not what they hold.
            select string_agg(quote_ident(a.attname), ', ') into columns_shown
            from pg_attribute as a
            where a.attrelid = item.oid and a.attname in (
                'id', 'load_id', 'replay_id', 'dataset', 'batch_id', 'row_number', 'line_number', 'error_code', 'state', 'attempts', 'created_at'
            );
            if columns_shown is not null then
                execute format('grant select (%s) on %s to %I', columns_shown, item.relation, reader);
            end if;
        else
            execute format('grant select on %s to %I, %I', item.relation, transformer, reader);
        end if;
        continue when item.relkind = 'v' or item.relation = 'ops.warehouse'::regclass;
        execute format(
            'grant insert, update, delete on %s to %I', item.relation,
            case when item.is_letter or item.is_ledger then loader else transformer end
        );
    end loop;
    -- Both keep the plans of projects.
    execute format('grant insert on ops.plan to %I', loader);
    execute format('grant select on ops.migration, ops.access_role to %I, %I, %I', loader, transformer, reader);

    -- Bronze is the loader's.
    execute format('grant usage, create on schema strata_bronze, bronze to %I', loader);
    execute format('grant usage on schema strata_bronze to %I', transformer);
    execute format('grant usage on schema bronze to %I, %I', transformer, reader);
    execute format('grant select on all tables in schema strata_bronze, bronze to %I', transformer);
    execute format('grant select on all tables in schema bronze to %I', reader);
    foreach made in array array[loader, login] loop
        execute format('alter default privileges for role %I in schema strata_bronze grant select on tables to %I', made, transformer);
        execute format('alter default privileges for role %I in schema bronze grant select on tables to %I, %I', made, transformer, reader);
    end loop;

    -- What a worker without roles makes there, the loader may fill and sweep before it comes to own it.
    execute format('alter default privileges for role %I in schema strata_bronze grant select, insert, update, delete on tables to %I', login, loader);
    execute format('alter default privileges for role %I in schema bronze grant select on tables to %I', login, loader);

    -- What models make is the transformer's; feeds and keys are nobody else's.
    execute format('grant usage, create on schema strata_feed, strata_keys to %I', transformer);
    execute format('alter default privileges for role %I grant select on tables to %I', transformer, reader);
    execute format('alter default privileges for role %I grant usage on schemas to %I', transformer, reader);
    for item in
        select distinct n.nspname
        from ops.relation as r
        inner join pg_namespace as n on starts_with(r.relation, n.nspname || '.')
    loop
        execute format('grant usage, create on schema %I to %I', item.nspname, transformer);
        execute format('grant usage on schema %I to %I', item.nspname, reader);
        execute format('alter default privileges for role %I in schema %I grant select on tables to %I', login, item.nspname, reader);
    end loop;
    begin
        create extension if not exists btree_gist with schema public;
    exception when insufficient_privilege or undefined_file then null;
    end;

    -- A warehouse from before the roles: its relations belong to whoever made them.
    for item in
        with relations as (
            select c.oid, n.nspname, c.relkind, c.relowner, n.nspname || '.' || c.relname as key
            from pg_class as c
            inner join pg_namespace as n on n.oid = c.relnamespace
            where c.relkind in ('r', 'p', 'v')
        )
        select a.oid::regclass as relation, a.relkind, a.is_read, o.owner
        from (
            select oid, relkind, relowner, false as is_read, 'loader' as part from relations
            where nspname in ('strata_bronze', 'bronze')
            union all
            select oid, relkind, relowner, false, 'transformer' from relations
            where nspname in ('strata_feed', 'strata_keys')
            union all
            select m.oid, m.relkind, m.relowner, true, 'transformer' from relations as m
            where exists (select from ops.relation as r where r.relation = m.key)
                or exists (
                    select from pg_inherits as i
                    inner join relations as p on p.oid = i.inhparent
                    inner join ops.relation as r on r.relation = p.key
                    where i.inhrelid = m.oid
                )
        ) as a
        cross join lateral (select case a.part when 'loader' then loader else transformer end as owner) as o
    loop
        if (select relowner from pg_class where oid = item.relation) <> (select oid from pg_roles where rolname = item.owner) then
            execute format('alter %s %s owner to %I', case item.relkind when 'v' then 'view' else 'table' end, item.relation, item.owner);
        end if;
        if item.is_read then
            execute format('grant select on %s to %I', item.relation, reader);
        end if;
    end loop;

    insert into ops.access_role (part, role_name, version)
    values ('loader', loader, :version:), ('transformer', transformer, :version:), ('reader', reader, :version:)
    on conflict (part) do update set role_name = excluded.role_name, version = excluded.version;
end $strata_roles$
