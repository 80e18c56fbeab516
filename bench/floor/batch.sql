-- One batch, which is in bronze as batch :batch: every table from what changed.
-- step: changed rows
create temporary table changed on commit drop as
select distinct on (transaction_id)
    transaction_id, customer_id, transaction_date, amount, transaction_type, status, _loaded_at, _batch_id, _row_number
from bronze.transactions where _batch_id = :batch
order by transaction_id, _row_number desc;
analyze changed;

-- step: stg_transactions
merge into silver.stg_transactions as t using changed as s on t.transaction_id = s.transaction_id
when matched then update set customer_id = s.customer_id, transaction_date = s.transaction_date, amount = s.amount,
    transaction_type = s.transaction_type, status = s.status, _loaded_at = s._loaded_at, _batch_id = s._batch_id,
    _row_number = s._row_number
when not matched then insert values (
    s.transaction_id, s.customer_id, s.transaction_date, s.amount, s.transaction_type, s.status, s._loaded_at,
    s._batch_id, s._row_number
);

-- step: stg_customers, stg_marketing_spend
insert into silver.stg_customers as c
select distinct on (customer_id, updated_at) customer_id, name, email, segment, plan_type, acquisition_channel,
    created_at, updated_at, _loaded_at, _batch_id, _row_number
from bronze.customers where _batch_id = :batch order by customer_id, updated_at, _row_number desc
on conflict (customer_id, updated_at) do update set name = excluded.name, email = excluded.email,
    segment = excluded.segment, plan_type = excluded.plan_type, acquisition_channel = excluded.acquisition_channel,
    created_at = excluded.created_at, _loaded_at = excluded._loaded_at, _batch_id = excluded._batch_id,
    _row_number = excluded._row_number;
insert into silver.stg_marketing_spend
select distinct on (spend_date, channel) spend_date, channel, amount, _loaded_at, _batch_id, _row_number
from bronze.marketing_spend where _batch_id = :batch order by spend_date, channel, _row_number desc
on conflict (spend_date, channel) do update set amount = excluded.amount, _loaded_at = excluded._loaded_at,
    _batch_id = excluded._batch_id, _row_number = excluded._row_number;

-- step: dim_customer
create temporary table touched (customer_id text, since timestamptz) on commit drop;
with
affected as (select distinct customer_id from bronze.customers where _batch_id = :batch),
compared as (
    select customer_id, name, updated_at, segment, plan_type,
        last_value(email) over history as email,
        first_value(acquisition_channel) over history as acquisition_channel,
        first_value(created_at) over history as created_at,
        case when row_number() over changes = 1 and created_at <= updated_at then created_at
            else updated_at end as valid_from,
        row_number() over changes = 1
        or row(segment, plan_type, name) is distinct from
            row(lag(segment) over changes, lag(plan_type) over changes, lag(name) over changes) as starts
    from silver.stg_customers join affected using (customer_id)
    window changes as (partition by customer_id order by updated_at),
        history as (partition by customer_id order by updated_at rows between unbounded preceding and unbounded following)
),
versions as (
    select customer_id, name, email, segment, plan_type, acquisition_channel, created_at, valid_from,
        lead(valid_from) over (partition by customer_id order by updated_at) as valid_to
    from compared where starts
),
gone as (
    delete from gold.dim_customer as d using affected
    where d.customer_id = affected.customer_id and not exists (
        select from versions as v where v.customer_id = d.customer_id and v.valid_from = d.valid_from
    )
    returning d.customer_id, d.valid_from as since
),
put as (
    insert into gold.dim_customer as d (
        customer_id, name, email, segment, plan_type, acquisition_channel, created_at, valid_from, valid_to, is_current
    )
    select *, valid_to is null from versions
    on conflict (customer_id, valid_from) do update set name = excluded.name, email = excluded.email,
        segment = excluded.segment, plan_type = excluded.plan_type, acquisition_channel = excluded.acquisition_channel,
        created_at = excluded.created_at, valid_to = excluded.valid_to, is_current = excluded.is_current
    where (d.name, d.email, d.segment, d.plan_type, d.acquisition_channel, d.created_at, d.valid_to) is distinct from
        (excluded.name, excluded.email, excluded.segment, excluded.plan_type, excluded.acquisition_channel,
            excluded.created_at, excluded.valid_to)
    returning d.customer_id, case
        when old.customer_id is null
            or (old.segment, old.plan_type, old.name) is distinct from (d.segment, d.plan_type, d.name) then d.valid_from
        when old.valid_to is distinct from d.valid_to then least(old.valid_to, d.valid_to) end as since
)
insert into touched
select customer_id, min(since) from (select * from gone union all select * from put) as x
where since is not null group by 1;

-- step: fct_transactions
analyze touched;
create temporary table change (
    sign integer, month date, day date, segment text, customer_id text, amount numeric(18, 2), transaction_type text
) on commit drop;
with
source as (
    select transaction_id, customer_id, transaction_date, amount, transaction_type, status, _loaded_at from changed
    union all
    select f.transaction_id, f.customer_id, f.transaction_date, f.amount, f.transaction_type, f.status, f._loaded_at
    from touched as k
    join gold.fct_transactions as f on f.customer_id = k.customer_id and f.transaction_date >= k.since
    where not exists (select from changed as b where b.transaction_id = f.transaction_id)
),
resolved as (
    select t.*, d.customer_sk, d.segment, d.plan_type
    from source as t
    left join gold.dim_customer as d
        on d.customer_id = t.customer_id and t.transaction_date >= d.valid_from
        and (d.valid_to is null or t.transaction_date < d.valid_to)
),
merged as (
    merge into gold.fct_transactions as f using resolved as s on f.transaction_id = s.transaction_id
    when matched and (
        f.customer_id, f.customer_sk, f.transaction_date, f.amount, f.transaction_type, f.status, f.segment, f.plan_type
    ) is distinct from (
        s.customer_id, s.customer_sk, s.transaction_date, s.amount, s.transaction_type, s.status, s.segment, s.plan_type
    ) then update set customer_id = s.customer_id, customer_sk = s.customer_sk, transaction_date = s.transaction_date,
        amount = s.amount, transaction_type = s.transaction_type, status = s.status, segment = s.segment,
        plan_type = s.plan_type, _loaded_at = s._loaded_at
    when not matched then insert values (
        s.transaction_id, s.customer_id, s.customer_sk, s.transaction_date, s.amount, s.transaction_type, s.status,
        s.segment, s.plan_type, s._loaded_at
    )
    returning old.customer_id as oc, old.transaction_date as od, old.segment as os, old.amount as oa,
        old.transaction_type as ot, old.status as ost, new.customer_id as nc, new.transaction_date as nd,
        new.segment as ns, new.amount as na, new.transaction_type as nt, new.status as nst
)
insert into change
select x.sign, date_trunc('month', x.d)::date, x.d::date, coalesce(x.s, 'unknown'), x.c, x.a, x.t
from merged as m
cross join lateral (values (-1, oc, od, os, oa, ot, ost), (1, nc, nd, ns, na, nt, nst)) as x (sign, c, d, s, a, t, st)
where x.d is not null and x.st = 'completed';
analyze change;

-- step: mart_revenue_monthly
with
counted as (
    insert into help.segment_customer as h
    select month, segment, customer_id, sum(sign * amount), sum(sign) from change group by 1, 2, 3
    on conflict (month, segment, customer_id) do update set revenue = h.revenue + excluded.revenue, n = h.n + excluded.n
    returning month, segment, revenue - coalesce(old.revenue, 0) as revenue, n - coalesce(old.n, 0) as n,
        (n > 0)::integer - (coalesce(old.n, 0) > 0)::integer as c
),
summed as (
    select month, segment, sum(revenue) as revenue, sum(n)::bigint as n, sum(c)::bigint as c from counted group by 1, 2
)
merge into platinum.mart_revenue_monthly as t using summed as s on t.month = s.month and t.segment = s.segment
when matched and t.transactions + s.n = 0 then delete
when matched then update set revenue = t.revenue + s.revenue, transactions = t.transactions + s.n,
    customers = t.customers + s.c
when not matched and s.n > 0 then insert values (s.month, s.segment, s.revenue, s.n, s.c);

-- step: mart_revenue_daily
with
counted as (
    insert into help.day_customer as h
    select day, customer_id, sum(sign * amount), sum(sign) from change group by 1, 2
    on conflict (day, customer_id) do update set revenue = h.revenue + excluded.revenue, n = h.n + excluded.n
    returning day, revenue - coalesce(old.revenue, 0) as revenue, n - coalesce(old.n, 0) as n,
        (n > 0)::integer - (coalesce(old.n, 0) > 0)::integer as c
),
summed as (select day, sum(revenue) as revenue, sum(n)::bigint as n, sum(c)::bigint as c from counted group by 1)
merge into platinum.mart_revenue_daily as t using summed as s on t.day = s.day
when matched and t.transactions + s.n = 0 then delete
when matched then update set revenue = t.revenue + s.revenue, transactions = t.transactions + s.n,
    customers = t.customers + s.c
when not matched and s.n > 0 then insert values (s.day, s.revenue, s.n, s.c);

-- step: mart_mrr_monthly, mart_kpis_monthly
create temporary table paid on commit drop as
select customer_id, month, sum(sign * amount) as mrr, sum(sign) as n
from change where transaction_type = 'subscription' group by 1, 2;
insert into help.customer_month as h select customer_id, month, mrr, n from paid
on conflict (customer_id, month) do update set mrr = h.mrr + excluded.mrr, n = h.n + excluded.n;
delete from help.customer_month as h using paid as p
where h.customer_id = p.customer_id and h.month = p.month and h.n = 0;
create temporary table moved on commit drop as
with
affected as (
    select customer_id, month from paid where mrr <> 0
    union
    select p.customer_id, n.month from paid as p cross join lateral (
        (
            select m.month from help.customer_month as m
            where m.customer_id = p.customer_id and m.month > p.month and m.mrr > 0 order by m.month limit 1
        )
        union all
        (
            select m.month from help.customer_month as m
            where m.customer_id = p.customer_id and m.month = (p.month - interval '1 month')::date and m.mrr > 0
        )
    ) as n where p.mrr <> 0
)
select a.month, a.customer_id, coalesce(n.mrr, 0) as mrr, coalesce(n.before, 0) as before, n.stays,
    n.before is null and not exists (
        select from help.customer_month as e where e.customer_id = a.customer_id and e.month < a.month and e.mrr > 0
    ) as first
from affected as a
cross join lateral (
    select max(m.mrr) filter (where m.month = a.month) as mrr, max(m.mrr) filter (where m.month < a.month) as before,
        count(*) filter (where m.month > a.month) > 0 as stays
    from help.customer_month as m
    where m.customer_id = a.customer_id and m.mrr > 0 and m.month >= (a.month - interval '1 month')::date
        and m.month <= (a.month + interval '1 month')::date
) as n;
analyze moved;
create temporary table movement (
    sign integer, month date, mrr numeric, before numeric, stays boolean, first boolean
) on commit drop;
with merged as (
    merge into help.movement as m using moved as s on m.month = s.month and m.customer_id = s.customer_id
    when matched and s.mrr = 0 then delete
    when matched and (m.mrr, m.before, m.stays, m.first) is distinct from (s.mrr, s.before, s.stays, s.first)
        then update set mrr = s.mrr, before = s.before, stays = s.stays, first = s.first
    when not matched and s.mrr > 0 then insert values (s.month, s.customer_id, s.mrr, s.before, s.stays, s.first)
    returning old.month as om, old.mrr as omrr, old.before as ob, old.stays as os, old.first as of,
        new.month as nm, new.mrr as nmrr, new.before as nb, new.stays as ns, new.first as nf
)
insert into movement
select x.* from merged
cross join lateral (values (-1, om, omrr, ob, os, of), (1, nm, nmrr, nb, ns, nf)) as x (sign, month, mrr, before, stays, first)
where x.month is not null;
create temporary table months on commit drop as
select s::date as month
from (select min(month) as a, max(month) as b from help.customer_month) as bounds
cross join lateral generate_series(a, b, interval '1 month') as s
where s::date not in (select month from platinum.mart_mrr_monthly);
update platinum.mart_mrr_monthly as t set mrr = t.mrr + d.mrr, active_customers = t.active_customers + d.active,
    new_mrr = t.new_mrr + d.new_mrr, reactivation_mrr = t.reactivation_mrr + d.back_mrr,
    expansion_mrr = t.expansion_mrr + d.more, contraction_mrr = t.contraction_mrr + d.less,
    churned_mrr = t.churned_mrr + d.lost_mrr, new_customers = t.new_customers + d.new,
    churned_customers = t.churned_customers + d.lost
from (
    select month, coalesce(sum(sign * mrr) filter (where not lost), 0) as mrr,
        coalesce(sum(sign) filter (where not lost), 0) as active,
        coalesce(sum(sign * mrr) filter (where first), 0) as new_mrr,
        coalesce(sum(sign * mrr) filter (where not lost and before = 0 and not first), 0) as back_mrr,
        coalesce(sum(sign * greatest(mrr - before, 0)) filter (where before > 0), 0) as more,
        coalesce(sum(sign * greatest(before - mrr, 0)) filter (where before > 0), 0) as less,
        coalesce(sum(sign * mrr) filter (where lost), 0) as lost_mrr,
        coalesce(sum(sign) filter (where first), 0) as new, coalesce(sum(sign) filter (where lost), 0) as lost
    from (
        select sign, month, mrr, before, first, false as lost from movement
        union all
        select sign, (month + interval '1 month')::date, mrr, 0, false, true from movement where not stays
    ) as x
    group by month
) as d
where d.month = t.month;
create temporary table kpi_months on commit drop as
select distinct month from change
union select month from movement
union select (month + interval '1 month')::date from movement
union select distinct date_trunc('month', spend_date)::date from bronze.marketing_spend where _batch_id = :batch;
-- include: mrr.sql
