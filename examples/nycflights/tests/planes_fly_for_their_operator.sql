-- The version of a plane that a flight was given is its operator's.
select f.flight_id, f.carrier, p.operator
from {{ ref('fct_flights') }} as f
inner join {{ ref('dim_plane') }} as p on p.plane_sk = f.plane_sk
where not f.is_cancelled and f.carrier <> p.operator
