-- Grain: one row per UTC month and customer that is active in it, with what it was the month before and whether it
-- stays the month after: what the movements of MRR are sums of.
{{ config(
    materialized='incremental',
    unique_key=['month', 'customer_id'],
    delete_where='mrr = 0'
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
    select d.customer_id, d.month, coalesce(m.mrr, 0) > 0 as is_active, coalesce(m.mrr, 0) - d.difference > 0 as was_active
    from differences as d
    -- By the index, one at a time.
    left join lateral (
        select mrr from {{ ref('int_customer_months') }} as i
        where i.customer_id = d.customer_id and i.month = d.month
        offset 0
    ) as m on true
),

-- The months themselves; the next active one, however late: it compares with the month before it, and may be the first
-- one or no longer; and where the customer came or left the month before, which sees who stays.
affected as (
    select customer_id, month from changed
    union
    select c.customer_id, n.month
    from changed as c
    cross join lateral (
        (
            select m.month from {{ ref('int_customer_months') }} as m
            where m.customer_id = c.customer_id and m.month > c.month and m.mrr > 0
            order by m.month limit 1
        )
        union all
        (
            select m.month from {{ ref('int_customer_months') }} as m
            where c.is_active <> c.was_active
                and m.customer_id = c.customer_id and m.month = (c.month - interval '1 month')::date and m.mrr > 0
        )
    ) as n
),

final as (
    select
        a.month,
        a.customer_id,
        coalesce(n.mrr, 0) as mrr,
        coalesce(n.previous_mrr, 0) as previous_mrr,
        n.stays,
        n.previous_mrr is null and not exists (
            select from {{ ref('int_customer_months') }} as e
            where e.customer_id = a.customer_id and e.month < a.month and e.mrr > 0
        ) as is_first
    from affected as a
    cross join lateral (
        select
            max(m.mrr) filter (where m.month = a.month) as mrr,
            max(m.mrr) filter (where m.month < a.month) as previous_mrr,
            count(*) filter (where m.month > a.month) > 0 as stays
        from {{ ref('int_customer_months') }} as m
        where m.customer_id = a.customer_id and m.mrr > 0
            and m.month >= (a.month - interval '1 month')::date
            and m.month <= (a.month + interval '1 month')::date
    ) as n
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
