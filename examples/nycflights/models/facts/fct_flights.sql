-- Grain: one row per flight, with the plane as it was at departure. Months are those of the day in New York.
{{ config(
    materialized='incremental',
    unique_key='flight_id',
    partition_by={'field': 'flight_date', 'granularity': 'month'},
    indexes=[{'columns': ['carrier', 'flight_date']}]
) }}

with
{% if is_incremental() %}
-- Versions that came, went or now say something else of the flights in their window.
changed_windows as (
    select tailnum, valid_from, valid_to
    from {{ changes(ref('dim_plane')) }} as p
    group by tailnum, valid_from, valid_to, plane_sk, manufacturer, model, seats
    having sum(_weight) <> 0
),

moved_airports as (
    select airport
    from {{ changes(ref('stg_airports')) }} as a
    group by airport, time_zone
    having sum(_weight) <> 0
),

affected as (
    select flight_id from {{ changes(ref('stg_flights')) }} as f
    union
    select f.flight_id
    from changed_windows as w
    inner join {{ ref('stg_flights') }} as f
        on f.tailnum = w.tailnum
        and coalesce(f.departed_at, f.scheduled_departure_at) >= w.valid_from
        and coalesce(f.departed_at, f.scheduled_departure_at) < coalesce(w.valid_to, 'infinity')
    union
    select f.flight_id
    from moved_airports as a
    inner join {{ ref('stg_flights') }} as f on f.destination = a.airport
),
{% endif %}

flights as (
    select
        f.*,
        coalesce(f.departed_at, f.scheduled_departure_at) as flown_at,
        a.time_zone as destination_time_zone,
        {{ at_clock_time('f.flight_date', 'f.scheduled_arrival_clock_time', 'a.time_zone') }} as same_day_arrival_at,
        {{ at_clock_time('(f.flight_date + 1)', 'f.scheduled_arrival_clock_time', 'a.time_zone') }} as next_day_arrival_at
    from {{ ref('stg_flights') }} as f
    left join {{ ref('stg_airports') }} as a on a.airport = f.destination
    {% if is_incremental() %}
    where f.flight_id in (select flight_id from affected)
    {% endif %}
),

scheduled as (
    select
        *,
        case
            when same_day_arrival_at > scheduled_departure_at then same_day_arrival_at else next_day_arrival_at
        end as scheduled_arrival_at
    from flights
),

planes as (
    select * from {{ ref('dim_plane') }}
),

final as (
    select
        f.flight_id,
        f.flight_date,
        f.carrier,
        f.flight_number,
        f.origin,
        f.destination,
        f.tailnum,
        p.plane_sk,
        p.manufacturer,
        p.model,
        p.seats,
        f.scheduled_departure_at,
        f.departed_at,
        f.departure_delay,
        -- NULL where the destination's clock is unknown.
        f.scheduled_arrival_at,
        f.scheduled_arrival_at + {{ minutes('f.arrival_delay') }} as arrived_at,
        f.arrival_delay,
        f.air_time,
        f.distance,
        f.departed_at is null as is_cancelled,
        f.departed_at is not null and f.arrival_delay is null as is_diverted,
        f._loaded_at
    from scheduled as f
    left join planes as p
        on p.tailnum = f.tailnum
        and p.valid_from <= f.flown_at
        and f.flown_at < coalesce(p.valid_to, 'infinity')
)

select * from final
