-- Grain: one row for every UTC month from the first to the last with a completed subscription transaction.
-- A customer is active in a month where the sum of these is above zero.
{{ config(unique_key='month', period='month', period_column='month') }}

{% set affected %}
select month from {{ changes(ref('int_mrr_movements')) }} as c
union
-- Who does not stay is lost to the month after.
select (month + interval '1 month')::date from {{ changes(ref('int_mrr_movements')) }} as c
{% if is_incremental() %}
union
-- Months that enter or leave the calendar.
select coalesce(k.month, t.month)
from (
    select generate_series(min(month), max(month), interval '1 month')::date as month
    from {{ ref('int_customer_months') }}
) as k
full join {{ this }} as t on t.month = k.month
where k.month is null or t.month is null
{% endif %}
{% endset %}
{% do affected_periods(affected) %}

with
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

-- What changed, as differences: each customer of a month counts in it, and where it does not stay in the next one.
movements as (
    select month, _weight as weight, mrr, previous_mrr, is_first, false as is_lost
    from {{ changes(ref('int_mrr_movements')) }} as c
    {% if is_incremental() %}
    where month in (select month from {{ this }})
    {% endif %}
    union all
    select (month + interval '1 month')::date, _weight, mrr, 0, false, true
    from {{ changes(ref('int_mrr_movements')) }} as c
    where not stays
    {% if is_incremental() %}
        and (month + interval '1 month')::date in (select month from {{ this }})
    {% endif %}
    {% if is_incremental() %}
    -- A month that enters the calendar is counted as a whole. By the index, one month at a time: mostly there is none.
    union all
    select k.month, 1, m.mrr, m.previous_mrr, m.is_first, false
    from calendar as k
    cross join lateral (select * from {{ ref('int_mrr_movements') }} where month = k.month offset 0) as m
    where k.month not in (select month from {{ this }})
    union all
    select k.month, 1, m.mrr, 0, false, true
    from calendar as k
    cross join lateral (
        select * from {{ ref('int_mrr_movements') }}
        where month = (k.month - interval '1 month')::date and not stays offset 0
    ) as m
    where k.month not in (select month from {{ this }})
    {% endif %}
),

summed as (
    select
        month,
        sum(weight * mrr) filter (where not is_lost) as mrr,
        sum(weight) filter (where not is_lost) as active_customers,
        sum(weight * mrr) filter (where is_first) as new_mrr,
        sum(weight * mrr) filter (where not is_lost and previous_mrr = 0 and not is_first) as reactivation_mrr,
        sum(weight * greatest(mrr - previous_mrr, 0)) filter (where previous_mrr > 0) as expansion_mrr,
        sum(weight * greatest(previous_mrr - mrr, 0)) filter (where previous_mrr > 0) as contraction_mrr,
        sum(weight * mrr) filter (where is_lost) as churned_mrr,
        sum(weight) filter (where is_first) as new_customers,
        sum(weight) filter (where not is_lost and previous_mrr = 0 and not is_first) as reactivated_customers,
        sum(weight) filter (where is_lost) as churned_customers
    from movements
    group by month
    {% if is_incremental() %}
    union all
    select
        month, mrr, active_customers, new_mrr, reactivation_mrr, expansion_mrr, contraction_mrr, churned_mrr,
        new_customers, reactivated_customers, churned_customers
    from {{ this }}
    where {{ in_affected_periods('month', 'date') }}
    {% endif %}
),

final as (
    select
        k.month,
        coalesce(sum(s.mrr), 0) as mrr,
        coalesce(sum(s.active_customers), 0)::bigint as active_customers,
        coalesce(sum(s.new_mrr), 0) as new_mrr,
        coalesce(sum(s.reactivation_mrr), 0) as reactivation_mrr,
        coalesce(sum(s.expansion_mrr), 0) as expansion_mrr,
        coalesce(sum(s.contraction_mrr), 0) as contraction_mrr,
        coalesce(sum(s.churned_mrr), 0) as churned_mrr,
        coalesce(sum(s.new_customers), 0)::bigint as new_customers,
        coalesce(sum(s.reactivated_customers), 0)::bigint as reactivated_customers,
        coalesce(sum(s.churned_customers), 0)::bigint as churned_customers
    from calendar as k
    left join summed as s on s.month = k.month
    group by k.month
)

select * from final
