-- Grain: one row per spend_date and channel; the row loaded last stands.
{{ config(
    unique_key=['spend_date', 'channel'],
    load_order=['_batch_id', '_row_number']
) }}

with
loaded as (
    select * from {{ unconsumed(source('raw', 'marketing_spend')) }} as l
),

final as (
    select
        spend_date,
        channel,
        amount,
        _loaded_at,
        _batch_id,
        _row_number
    from loaded
)

select * from final
