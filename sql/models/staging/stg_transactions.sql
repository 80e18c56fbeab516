-- Grain: one row per transaction_id; the row loaded last stands.
{{ config(
    unique_key='transaction_id',
    load_order=['_batch_id', '_row_number']
) }}

with
loaded as (
    select * from {{ unconsumed(source('raw', 'transactions')) }} as l
),

final as (
    select
        transaction_id,
        customer_id,
        transaction_date,
        amount,
        transaction_type,
        status,
        _loaded_at,
        _batch_id,
        _row_number
    from loaded
)

select * from final
