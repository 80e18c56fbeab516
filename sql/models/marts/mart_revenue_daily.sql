-- Grain: one row per UTC day, all segments.
{{ config(unique_key='day', period='day', period_column='day') }}

{% set affected %}
select transaction_date from {{ changes(ref('fct_transactions')) }} as f where status = 'completed'
{% endset %}
{% do affected_periods(affected) %}

with
-- What changed, as differences, by day and customer.
customer_days as (
    select
        {{ day_of('transaction_date') }} as day,
        customer_id,
        sum(_weight * amount) as revenue,
        sum(_weight) as transactions
    from {{ changes(ref('fct_transactions')) }} as f
    where status = 'completed'
    group by 1, 2
),

changed as (
    select
        c.day,
        sum(c.revenue) as revenue,
        sum(c.transactions) as transactions,
        {% if is_incremental() %}
        count(*) filter (where n.transactions > 0) - count(*) filter (where n.transactions > c.transactions) as customers
        {% else %}
        count(*) as customers
        {% endif %}
    from customer_days as c
    {% if is_incremental() %}
    -- Whether the customer has any on that day, and had: looked up by the index, one customer and day at a time.
    cross join lateral (
        select count(*) as transactions
        from {{ ref('fct_transactions') }} as f
        where f.customer_id = c.customer_id
            and f.transaction_date >= c.day::timestamp at time zone 'UTC'
            and f.transaction_date < (c.day + 1)::timestamp at time zone 'UTC'
            and f.status = 'completed'
    ) as n
    where c.revenue <> 0 or c.transactions <> 0
    {% endif %}
    group by 1
),

added as (
    select * from changed
    {% if is_incremental() %}
    union all
    select day, revenue, transactions, customers from {{ this }}
    where {{ in_affected_periods('day', 'date') }}
    {% endif %}
),

final as (
    select
        day,
        sum(revenue) as revenue,
        sum(transactions)::bigint as transactions,
        sum(customers)::bigint as customers
    from added
    group by 1
    having sum(transactions) > 0
)

select * from final
