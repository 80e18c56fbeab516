-- Grain: one row per UTC month and segment as of the transaction.
{{ config(unique_key=['month', 'segment'], period='month', period_column='month') }}

{% set affected %}
select month from {{ changes(ref('int_segment_months')) }} as c
{% endset %}
{% do affected_periods(affected) %}

with
-- What changed, as differences; a customer of a segment and month is one row there.
changed as (
    select
        month,
        segment,
        sum(_weight * revenue) as revenue,
        sum(_weight * transactions) as transactions,
        sum(_weight) as customers
    from {{ changes(ref('int_segment_months')) }} as c
    group by 1, 2
),

added as (
    select * from changed
    {% if is_incremental() %}
    union all
    select month, segment, revenue, transactions, customers from {{ this }}
    where {{ in_affected_periods('month', 'date') }}
    {% endif %}
),

final as (
    select
        month,
        segment,
        sum(revenue) as revenue,
        sum(transactions)::bigint as transactions,
        sum(customers)::bigint as customers
    from added
    group by 1, 2
    having sum(transactions) > 0
)

select * from final
