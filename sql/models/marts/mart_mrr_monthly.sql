-- Grain: one row for every UTC month from the first to the last with a completed subscription transaction.
-- A customer is active in a month where the sum of these is above zero.
{{ config(unique_key='month', period='month', period_column='month') }}

{% set affected %}
with
changed as (
    select distinct customer_id, month from {{ changes(ref('int_customer_months')) }} as c
),

calendar as (
    select generate_series(min(month), max(month), interval '1 month')::date as month
    from {{ ref('int_customer_months') }}
)

-- The months themselves and the ones after, which compare with them.
select month from changed
union
select (month + interval '1 month')::date from changed
union
-- Whether a customer is new or back again can change in the next month in which it is active, however late.
select n.month
from changed as c
cross join lateral (
    select m.month from {{ ref('int_customer_months') }} as m
    where m.customer_id = c.customer_id and m.month > c.month and m.mrr > 0
    order by m.month limit 1
) as n
{% if is_incremental() %}
union
-- Months that enter or leave the calendar.
select coalesce(k.month, t.month)
from calendar as k
full join {{ this }} as t on t.month = k.month
where k.month is null or t.month is null
{% endif %}
{% endset %}
{% do affected_periods(affected) %}

with
-- The relation itself each time: a CTE read more than once is materialized, and has no index.
bounds as (
    select min(month) as first_month, max(month) as last_month
    from {{ ref('int_customer_months') }}
),

calendar as (
    select s::date as month
    from bounds
    cross join lateral generate_series(first_month, last_month, interval '1 month') as s
    where {{ in_affected_periods('s::date', 'date') }}
),

current_month as (
    select customer_id, month, mrr from {{ ref('int_customer_months') }}
    where mrr > 0 and {{ in_affected_periods('month', 'date') }}
),

previous_month as (
    select customer_id, (month + interval '1 month')::date as month, mrr
    from {{ ref('int_customer_months') }}
    where mrr > 0 and {{ in_affected_periods("(month + interval '1 month')::date", 'date') }}
),

movements as (
    select
        month,
        coalesce(c.mrr, 0) as mrr,
        coalesce(p.mrr, 0) as previous_mrr,
        c.customer_id is not null as is_active,
        p.customer_id is not null as was_active,
        c.customer_id is not null and p.customer_id is null and exists (
            select from {{ ref('int_customer_months') }} as e
            where e.customer_id = c.customer_id and e.month < c.month and e.mrr > 0
        ) as is_back
    from current_month as c
    full join previous_month as p using (customer_id, month)
),

final as (
    select
        k.month,
        coalesce(sum(m.mrr), 0) as mrr,
        count(*) filter (where m.is_active) as active_customers,
        coalesce(sum(m.mrr) filter (where not m.was_active and not m.is_back), 0) as new_mrr,
        coalesce(sum(m.mrr) filter (where m.is_back), 0) as reactivation_mrr,
        coalesce(sum(greatest(m.mrr - m.previous_mrr, 0)) filter (where m.is_active and m.was_active), 0) as expansion_mrr,
        coalesce(sum(greatest(m.previous_mrr - m.mrr, 0)) filter (where m.is_active and m.was_active), 0) as contraction_mrr,
        coalesce(sum(m.previous_mrr) filter (where not m.is_active), 0) as churned_mrr,
        count(*) filter (where m.is_active and not m.was_active and not m.is_back) as new_customers,
        count(*) filter (where m.is_back) as reactivated_customers,
        count(*) filter (where m.was_active and not m.is_active) as churned_customers
    from calendar as k
    left join movements as m on m.month = k.month
    group by k.month
)

select * from final
