-- Grain: one row per UTC month with a completed subscription transaction: MRR and who paid it, as the harness's models say.
{{ config(unique_key='month', period='month', period_column='month') }}

{% set affected %}
select month from {{ changes(ref('int_customer_months')) }} as c
{% endset %}
{% do affected_periods(affected) %}

with
-- What changed, as differences; a customer of a month is one row there.
changed as (
    select month, sum(_weight * mrr) as mrr, sum(_weight) as active_customers
    from {{ changes(ref('int_customer_months')) }} as c
    group by 1
),

added as (
    select * from changed
    {% if is_incremental() %}
    union all
    select month, mrr, active_customers from {{ this }}
    where {{ in_affected_periods('month', 'date') }}
    {% endif %}
),

final as (
    select month, sum(mrr) as mrr, sum(active_customers)::bigint as active_customers
    from added
    group by 1
    having sum(active_customers) > 0
)

select * from final
