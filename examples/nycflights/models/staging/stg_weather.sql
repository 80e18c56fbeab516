-- Grain: one row per airport and hour; the row loaded last stands.
{{ config(
    unique_key=['airport', 'observed_at'],
    load_order=['_batch_id', '_row_number'],
    indexes=[{'columns': ['observed_on']}]
) }}

with
loaded as (
    select * from {{ unconsumed(source('raw', 'weather')) }} as w
),

final as (
    select
        origin as airport,
        time_hour as observed_at,
        (time_hour at time zone '{{ var('origin_time_zone') }}')::date as observed_on,
        -- Exact from here on: what a sum of doubles gives depends on the order of its rows.
        temp::numeric as temperature,
        humid::numeric as humidity,
        wind_speed::numeric as wind_speed,
        wind_gust::numeric as wind_gust,
        precip::numeric as precipitation,
        pressure::numeric as pressure,
        visib::numeric as visibility,
        _loaded_at,
        _batch_id,
        _row_number
    from loaded
)

select * from final
