-- Grain: one row per airport; the row loaded last stands.
{{ config(unique_key='airport', load_order=['_batch_id', '_row_number']) }}

with
loaded as (
    select * from {{ unconsumed(source('raw', 'airports')) }} as a
),

final as (
    select
        faa as airport,
        name as airport_name,
        lat as latitude,
        lon as longitude,
        alt as altitude,
        tzone as time_zone,
        _loaded_at,
        _batch_id,
        _row_number
    from loaded
)

select * from final
