-- Grain: one row per UTC day, all segments.
{{ config(unique_key='day', period='day', period_column='day') }}

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
        {{ day_of('transaction_date') }} as day,
        sum(amount) as revenue,
        count(*) as transactions,
        count(distinct customer_id) as customers
    from completed
    group by 1
)

select * from final
