-- Grain: one row per customer and UTC month with a completed subscription transaction; mrr is their sum.
{{ config(
    materialized='incremental',
    unique_key=['customer_id', 'month'],
    delete_where='transactions = 0',
    fillfactor=65,
    indexes=[{'columns': ['month']}]
) }}

with
changed as (
    select
        customer_id,
        {{ month_of('transaction_date') }} as month,
        sum(_weight * amount) as mrr,
        sum(_weight)::bigint as transactions
    from {{ changes(ref('fct_transactions')) }} as f
    where status = 'completed' and transaction_type = 'subscription'
    group by 1, 2
),

final as (
    select
        c.customer_id,
        c.month,
        {% if is_incremental() %}
        c.mrr + coalesce(m.mrr, 0) as mrr,
        c.transactions + coalesce(m.transactions, 0) as transactions
        {% else %}
        c.mrr,
        c.transactions
        {% endif %}
    from changed as c
    {% if is_incremental() %}
    -- By the index, one at a time.
    left join lateral (
        select * from {{ this }} as t
        where t.customer_id = c.customer_id and t.month = c.month
        offset 0
    ) as m on true
    {% endif %}
)

select * from final
