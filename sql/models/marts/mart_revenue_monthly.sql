-- Grain: one row per UTC month and segment as of the transaction.
{{ config(unique_key=['month', 'segment'], period='month', period_column='month') }}

{% set affected %}
select transaction_date from {{ changes(ref('fct_transactions')) }} as f where status = 'completed'
{% endset %}
{% do affected_periods(affected) %}

with
completed as (
    select * from {{ ref('fct_transactions') }}
    where status = 'completed' and {{ in_affected_periods('transaction_date') }}
),

final as (
    select
        {{ month_of('transaction_date') }} as month,
        coalesce(segment, 'unknown') as segment,
        sum(amount) as revenue,
        count(*) as transactions,
        count(distinct customer_id) as customers
    from completed
    group by 1, 2
)

select * from final
