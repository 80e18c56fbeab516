-- Grain: one row per customer_id and updated_at, what the customer looked like from then on; the row loaded last stands.
{{ config(
    unique_key=['customer_id', 'updated_at'],
    load_order=['_batch_id', '_row_number']
) }}

with
loaded as (
    select * from {{ unconsumed(source('raw', 'customers')) }} as l
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
        updated_at,
        _loaded_at,
        _batch_id,
        _row_number
    from loaded
)

select * from final
