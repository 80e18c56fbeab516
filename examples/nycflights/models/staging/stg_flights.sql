-- Grain: one row per flight: the day in New York, the carrier, its flight number and the airport. Loaded last stands.
{{ config(
    unique_key='flight_id',
    load_order=['_batch_id', '_row_number'],
    indexes=[{'columns': ['tailnum']}, {'columns': ['destination']}]
) }}

with
loaded as (
    select
        *,
        make_date(year::int, month::int, day::int) as flight_date
    from {{ unconsumed(source('raw', 'flights')) }} as f
),

timed as (
    select
        *,
        {{ at_clock_time('flight_date', 'sched_dep_time', "'" ~ var('origin_time_zone') ~ "'") }} as scheduled_departure_at
    from loaded
),

final as (
    select
        concat_ws('/', to_char(flight_date, 'YYYY-MM-DD'), carrier, flight, origin) as flight_id,
        flight_date,
        carrier,
        flight as flight_number,
        origin,
        dest as destination,
        tailnum,
        scheduled_departure_at,
        time_hour as scheduled_hour,
        -- A delay is exact where a time on the clock leaves the day open.
        scheduled_departure_at + {{ minutes('dep_delay') }} as departed_at,
        dep_time as departed_clock_time,
        dep_delay as departure_delay,
        sched_arr_time as scheduled_arrival_clock_time,
        arr_time as arrived_clock_time,
        arr_delay as arrival_delay,
        air_time,
        distance,
        _loaded_at,
        _batch_id,
        _row_number
    from timed
)

select * from final
