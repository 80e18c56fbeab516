-- Grain: one row per transaction, with the attributes of the customer's version at the time of the transaction.
{{ config(
    materialized='incremental',
    unique_key='transaction_id',
    partition_by={'field': 'transaction_date', 'granularity': 'month'},
    indexes=[{'columns': ['customer_id', 'transaction_date']}]
) }}

with
{% if is_incremental() %}
-- Windows of versions that came, went or now say something else of the facts in them.
changed_windows as (
    select customer_id, valid_from, valid_to
    from {{ changes(ref('dim_customer')) }} as c
    group by customer_id, valid_from, valid_to, customer_sk, segment, plan_type
    having sum(_weight) <> 0
),

affected as (
    select transaction_id from {{ changes(ref('stg_transactions')) }} as c
    union
    select t.transaction_id
    from changed_windows as w
    inner join {{ ref('stg_transactions') }} as t
        on t.customer_id = w.customer_id
        and t.transaction_date >= w.valid_from
        and t.transaction_date < coalesce(w.valid_to, 'infinity')
),
{% endif %}

transactions as (
    select * from {{ ref('stg_transactions') }}
    {% if is_incremental() %}
    where transaction_id in (select transaction_id from affected)
    {% endif %}
),

customers as (
    select * from {{ ref('dim_customer') }}
),

final as (
    select
        t.transaction_id,
        t.customer_id,
        c.customer_sk,
        t.transaction_date,
        t.amount,
        t.transaction_type,
        t.status,
        c.segment,
        c.plan_type,
        t._loaded_at
    from transactions as t
    left join customers as c
        on c.customer_id = t.customer_id
        and c.valid_from <= t.transaction_date
        and t.transaction_date < coalesce(c.valid_to, 'infinity')
)

select * from final
