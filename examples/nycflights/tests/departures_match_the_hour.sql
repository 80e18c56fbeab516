-- The source also says in which hour, in UTC, a departure was scheduled: the local times were read rightly.
select flight_id, scheduled_departure_at, scheduled_hour
from {{ ref('stg_flights') }}
where date_trunc('hour', scheduled_departure_at) <> scheduled_hour
