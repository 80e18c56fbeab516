-- Grain: one row per plane and operator in turn. The register has no history; who operates a plane, and since when, the
-- flights tell: each departure says that from then on this carrier does. What the register says holds for all versions.
{{ config(
    materialized='scd2',
    unique_key='tailnum',
    updated_at='departed_at',
    starts_at='tracked_since',
    type_2=['operator'],
    type_1=['built_year', 'manufacturer', 'model', 'seats'],
    type_0=['tracked_since'],
    surrogate_key='plane_sk'
) }}

with
{% if is_incremental() %}
affected as (
    select tailnum from {{ changes(ref('stg_flights')) }} as f
    union
    select tailnum from {{ changes(ref('stg_planes')) }} as p
),
{% endif %}

-- Of two departures of a plane in the same minute, which would be an error of the source, the choice is fixed.
departures as (
    select distinct on (tailnum, departed_at)
        tailnum,
        carrier as operator,
        departed_at
    from {{ ref('stg_flights') }}
    where tailnum is not null and departed_at is not null
    {% if is_incremental() %}
    and tailnum in (select tailnum from affected)
    {% endif %}
    order by tailnum, departed_at, carrier
),

final as (
    select
        d.tailnum,
        d.operator,
        d.departed_at,
        p.built_year,
        p.manufacturer,
        p.model,
        p.seats,
        ('{{ var('history_starts') }}'::date)::timestamp at time zone '{{ var('origin_time_zone') }}' as tracked_since
    from departures as d
    left join {{ ref('stg_planes') }} as p on p.tailnum = d.tailnum
)

select * from final
