-- What the clock at the destination showed at arrival is what scheduled arrival and delay come to. The night the clocks
-- change is left out: the source reckons a delay over it by the clock.
{{ config(severity='warn') }}

select f.flight_id, f.arrived_at, s.arrived_clock_time
from {{ ref('fct_flights') }} as f
inner join {{ ref('stg_flights') }} as s on s.flight_id = f.flight_id
inner join {{ ref('stg_airports') }} as a on a.airport = f.destination
where to_char(f.arrived_at at time zone a.time_zone, 'HH24MI')::int <> s.arrived_clock_time % 2400
