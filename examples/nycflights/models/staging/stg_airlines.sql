-- Grain: one row per carrier; the row loaded last stands.
{{ config(unique_key='carrier', load_order=['_batch_id', '_row_number']) }}

with
loaded as (
    select * from {{ unconsumed(source('raw', 'airlines')) }} as a
),

final as (
    select
        carrier,
        name as airline,
        _loaded_at,
        _batch_id,
        _row_number
    from loaded
)

select * from final
