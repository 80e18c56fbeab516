-- Grain: one row per customer and version. Built from all changes by effective time, whatever order they arrived in.
{{ config(
    materialized='scd2',
    unique_key='customer_id',
    updated_at='updated_at',
    starts_at='created_at',
    type_2=['segment', 'plan_type', 'name'],
    type_1=['email'],
    type_0=['acquisition_channel', 'created_at'],
    surrogate_key='customer_sk'
) }}

with
changes as (
    select * from {{ ref('stg_customers') }}
    {% if is_incremental() %}
    -- A history is cut anew from all of its changes.
    where customer_id in (select customer_id from {{ changes(ref('stg_customers')) }} as c)
    {% endif %}
),

final as (
    select
        customer_id,
        name,
        email,
        segment,
        plan_type,
        acquisition_channel,
        created_at,
        updated_at
    from changes
)

select * from final
