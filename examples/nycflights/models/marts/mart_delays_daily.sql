-- Grain: one row per day in New York and airport, with the day's weather there.
{{ config(unique_key=['day', 'origin'], period='day', period_column='day') }}

{% set affected %}
select flight_date from {{ changes(ref('fct_flights')) }} as f
union
select observed_on from {{ changes(ref('stg_weather')) }} as w
{% endset %}
{% do affected_periods(affected) %}

with
flights as (
    select
        flight_date as day,
        origin,
        count(*) as flights,
        count(*) filter (where is_cancelled) as cancelled,
        count(*) filter (where departure_delay >= 15) as departed_late,
        round(avg(departure_delay), 2) as average_departure_delay
    from {{ ref('fct_flights') }}
    where {{ in_affected_periods('flight_date', 'date') }}
    group by 1, 2
),

weather as (
    select
        observed_on as day,
        airport as origin,
        round(avg(temperature), 1) as average_temperature,
        sum(precipitation) as precipitation,
        round(max(wind_speed), 1) as greatest_wind_speed,
        min(visibility) as least_visibility
    from {{ ref('stg_weather') }}
    where {{ in_affected_periods('observed_on', 'date') }}
    group by 1, 2
),

final as (
    select
        f.day,
        f.origin,
        f.flights,
        f.cancelled,
        f.departed_late,
        f.average_departure_delay,
        w.average_temperature,
        w.precipitation,
        w.greatest_wind_speed,
        w.least_visibility
    from flights as f
    left join weather as w on w.day = f.day and w.origin = f.origin
)

select * from final
