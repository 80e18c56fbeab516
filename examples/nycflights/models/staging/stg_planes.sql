-- Grain: one row per plane; the row loaded last stands.
{{ config(unique_key='tailnum', load_order=['_batch_id', '_row_number']) }}

with
loaded as (
    select * from {{ unconsumed(source('raw', 'planes')) }} as p
),

final as (
    select
        tailnum,
        year as built_year,
        type as plane_type,
        manufacturer,
        model,
        engines,
        engine as engine_type,
        seats,
        _loaded_at,
        _batch_id,
        _row_number
    from loaded
)

select * from final
