-- Grain: one row per UTC month, segment as of the transaction and customer with a completed transaction.
{{ config(
    materialized='incremental',
    unique_key=['month', 'segment', 'customer_id'],
    delete_where='transactions = 0',
    fillfactor=65
) }}

with
changed as (
    select
        {{ month_of('transaction_date') }} as month,
        coalesce(segment, 'unknown') as segment,
        customer_id,
        sum(_weight * amount) as revenue,
        sum(_weight)::bigint as transactions
    from {{ changes(ref('fct_transactions')) }} as f
    where status = 'completed'
    group by 1, 2, 3
    -- Without a difference there is nothing to look for.
    having sum(_weight * amount) <> 0 or sum(_weight) <> 0
),

final as (
    select
        c.month,
        c.segment,
        c.customer_id,
        {% if is_incremental() %}
        c.revenue + coalesce(m.revenue, 0) as revenue,
        c.transactions + coalesce(m.transactions, 0) as transactions
        {% else %}
        c.revenue,
        c.transactions
        {% endif %}
    from changed as c
    {% if is_incremental() %}
    -- By the index, one at a time.
    left join lateral (
        select * from {{ this }} as t
        where t.month = c.month and t.segment = c.segment and t.customer_id = c.customer_id
        offset 0
    ) as m on true
    {% endif %}
)

select * from final
