-- Grain: one row per month in New York and carrier. Late is 15 minutes or more; delays are in minutes, early ones below 0.
{{ config(unique_key=['month', 'carrier'], period='month', period_column='month') }}

{% set affected %}
select flight_date from {{ changes(ref('fct_flights')) }} as f
union
select f.flight_date
from {{ changes(ref('stg_airlines')) }} as a
inner join {{ ref('fct_flights') }} as f on f.carrier = a.carrier
{% endset %}
{% do affected_periods(affected) %}

with
flights as (
    select * from {{ ref('fct_flights') }} where {{ in_affected_periods('flight_date', 'date') }}
),

airlines as (
    select * from {{ ref('stg_airlines') }}
),

final as (
    select
        date_trunc('month', f.flight_date::timestamp)::date as month,
        f.carrier,
        a.airline,
        count(*) as flights,
        count(*) filter (where f.is_cancelled) as cancelled,
        count(*) filter (where f.is_diverted) as diverted,
        count(*) filter (where f.departure_delay >= 15) as departed_late,
        count(*) filter (where f.arrival_delay >= 15) as arrived_late,
        round(avg(f.departure_delay), 2) as average_departure_delay,
        round(avg(f.arrival_delay), 2) as average_arrival_delay,
        percentile_disc(0.5) within group (order by f.arrival_delay) as median_arrival_delay
    from flights as f
    left join airlines as a on a.carrier = f.carrier
    group by 1, f.carrier, a.airline
)

select * from final
