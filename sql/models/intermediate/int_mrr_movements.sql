-- Grain: one row per UTC month and customer that is active in it, with what it was the month before and whether it
-- stays the month after: what the movements of MRR are sums of.
{{ config(
    materialized='incremental',
    unique_key=['month', 'customer_id'],
    delete_where='mrr = 0',
    fillfactor=65
) }}

with
{% if is_incremental() %}
differences as (
    select customer_id, month, sum(_weight * mrr) as difference
    from {{ changes(ref('int_customer_months')) }} as c
    group by 1, 2
    having sum(_weight * mrr) <> 0
),

changed as (
    select
        d.customer_id,
        d.month,
        greatest(n.mrr, 0) as mrr,
        n.previous_mrr,
        n.stays,
        (n.mrr > 0) <> (n.mrr - d.difference > 0) as came_or_left
    -- By the index, one at a time, in its order.
    from (select * from differences order by customer_id, month) as d
    cross join lateral (
        select
            coalesce(max(m.mrr) filter (where m.month = d.month), 0) as mrr,
            max(m.mrr) filter (where m.month < d.month and m.mrr > 0) as previous_mrr,
            count(*) filter (where m.month > d.month and m.mrr > 0) > 0 as stays
        from {{ ref('int_customer_months') }} as m
        where m.customer_id = d.customer_id
            and m.month >= (d.month - interval '1 month')::date
            and m.month <= (d.month + interval '1 month')::date
    ) as n
),

-- The month after compares with this one. Where the customer came or left: the month before, which sees who stays, and
-- the next active one, however late, which may be the first one or no longer.
neighbours as (
    (
        select customer_id, (month + interval '1 month')::date as month from changed where stays
        union
        select customer_id, (month - interval '1 month')::date from changed
        where came_or_left and previous_mrr is not null
        union
        select c.customer_id, n.month
        from changed as c
        cross join lateral (
            select m.month from {{ ref('int_customer_months') }} as m
            where m.customer_id = c.customer_id and m.month > c.month and m.mrr > 0
            order by m.month limit 1
        ) as n
        where c.came_or_left and not c.stays
    )
    except
    select customer_id, month from changed
),

affected as (
    select customer_id, month, mrr, previous_mrr, stays from changed
    union all
    select b.customer_id, b.month, n.mrr, n.previous_mrr, n.stays
    from neighbours as b
    cross join lateral (
        select
            max(m.mrr) filter (where m.month = b.month) as mrr,
            max(m.mrr) filter (where m.month < b.month) as previous_mrr,
            count(*) filter (where m.month > b.month) > 0 as stays
        from {{ ref('int_customer_months') }} as m
        where m.customer_id = b.customer_id and m.mrr > 0
            and m.month >= (b.month - interval '1 month')::date
            and m.month <= (b.month + interval '1 month')::date
    ) as n
),

final as (
    select
        a.month,
        a.customer_id,
        a.mrr,
        coalesce(a.previous_mrr, 0) as previous_mrr,
        a.stays,
        a.previous_mrr is null and not exists (
            select from {{ ref('int_customer_months') }} as e
            where e.customer_id = a.customer_id and e.month < a.month and e.mrr > 0
        ) as is_first
    from affected as a
)
{% else %}
final as (
    select
        month,
        customer_id,
        mrr,
        case when lag(month) over months = (month - interval '1 month')::date then lag(mrr) over months else 0 end
            as previous_mrr,
        coalesce(lead(month) over months = (month + interval '1 month')::date, false) as stays,
        lag(month) over months is null as is_first
    from {{ ref('int_customer_months') }}
    where mrr > 0
    window months as (partition by customer_id order by month)
)
{% endif %}

select * from final
