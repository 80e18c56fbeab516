-- From a file's arrival to the marts: the first successful run that had its load among its inputs.

create index run_input_reached on ops.run_input (dataset, position);

create view ops.batch_lag as
select
    b.batch_id,
    b.dataset,
    b.file,
    b.accepted_at,
    l.loaded_at as published_at,
    r.run_id,
    r.finished_at as in_marts_at,
    extract(epoch from r.finished_at - b.accepted_at)::float8 as lag_seconds
from ops.batch as b
inner join ops.load as l on l.batch_id = b.batch_id and l.kind = 'file' and l.position is not null
left join lateral (
    select
        n.run_id,
        n.finished_at
    from ops.run_input as i
    inner join ops.run as n on n.run_id = i.run_id
    where i.dataset = l.dataset and i.position >= l.position and n.command = 'run' and n.state = 'success'
    order by i.position, n.finished_at
    limit 1
) as r on true;

create index batch_unfinished on ops.batch (dataset) where state in ('accepted', 'loading', 'loaded');
