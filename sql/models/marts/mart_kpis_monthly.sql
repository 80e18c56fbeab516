-- Grain: one row per month of mart_mrr_monthly.
{{ config(unique_key='month', period='month', period_column='month') }}

{% set affected %}
select month from {{ changes(ref('mart_mrr_monthly')) }} as m
union
-- The churn rate looks at the month before.
select (month + interval '1 month')::date from {{ changes(ref('mart_mrr_monthly')) }} as m
union
select month from {{ changes(ref('mart_revenue_monthly')) }} as r
union
select spend_date from {{ changes(ref('stg_marketing_spend')) }} as s
{% endset %}
{% do affected_periods(affected) %}

with
mrr as (
    select * from {{ ref('mart_mrr_monthly') }} where {{ in_affected_periods('month', 'date') }}
),

before as (
    select (month + interval '1 month')::date as month, active_customers from {{ ref('mart_mrr_monthly') }}
),

revenue as (
    select month, sum(revenue) as revenue from {{ ref('mart_revenue_monthly') }}
    where {{ in_affected_periods('month', 'date') }}
    group by month
),

spend as (
    select date_trunc('month', spend_date::timestamp)::date as month, sum(amount) as marketing_spend
    from {{ ref('stg_marketing_spend') }}
    where {{ in_affected_periods('spend_date', 'date') }}
    group by 1
),

final as (
    select
        m.month,
        coalesce(r.revenue, 0) as revenue,
        m.mrr,
        m.active_customers,
        m.new_customers,
        m.churned_customers,
        round(m.churned_customers::numeric / nullif(b.active_customers, 0), 4) as churn_rate,
        round(m.mrr / nullif(m.active_customers, 0), 2) as arpu,
        coalesce(s.marketing_spend, 0) as marketing_spend,
        round(coalesce(s.marketing_spend, 0) / nullif(m.new_customers, 0), 2) as cac
    from mrr as m
    left join before as b on b.month = m.month
    left join revenue as r on r.month = m.month
    left join spend as s on s.month = m.month
)

select * from final
