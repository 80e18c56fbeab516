-- Grain: one row per transaction, with the attributes of the customer's version at the time of the transaction.
{{ config(
    materialized='incremental',
    unique_key='transaction_id',
    partition_by={'field': 'transaction_date', 'granularity': 'month'},
    indexes=[{'columns': ['customer_id', 'transaction_date']}]
) }}

with
{% if is_incremental() %}
-- Versions that came or went, as the facts in them see them: those that only say something else of an e-mail cancel out.
versions as (
    select
        customer_id,
        customer_sk,
        segment,
        plan_type,
        valid_from,
        coalesce(valid_to, 'infinity') as valid_to,
        sum(_weight) as weight
    from {{ changes(ref('dim_customer')) }} as c
    group by 1, 2, 3, 4, 5, 6
    having sum(_weight) <> 0
),

-- Between two neighbouring bounds a customer had at most one version, and has at most one now.
windows as (
    select customer_id, bound as starts, lead(bound) over (partition by customer_id order by bound) as ends
    from (
        select customer_id, valid_from as bound from versions
        union
        select customer_id, valid_to from versions
    ) as bounds
),

-- Of a version that was cut short, only what it lost; not its whole past.
changed_windows as (
    select distinct w.customer_id, w.starts, w.ends
    from windows as w
    inner join versions as v
        on v.customer_id = w.customer_id and v.valid_from <= w.starts and w.starts < v.valid_to
    where w.ends is not null
    group by w.customer_id, w.starts, w.ends, v.customer_sk, v.segment, v.plan_type
    having sum(v.weight) <> 0
),

-- The newest image of each transaction that changed is what the staging has of it: nothing ever leaves that.
changed as (
    select distinct on (transaction_id) transaction_id, customer_id, transaction_date, amount, transaction_type, status, _loaded_at
    from {{ changes(ref('stg_transactions')) }} as c
    where _weight > 0
    order by transaction_id, _version desc
),

restated as (
    select t.transaction_id
    from changed_windows as w
    -- By the index, one window at a time (offset 0), and not by a look at all facts; so below.
    cross join lateral (
        select transaction_id from {{ this }} as f
        where f.customer_id = w.customer_id
            and f.transaction_date >= w.starts
            and f.transaction_date < w.ends
        offset 0
    ) as t
    {% set archived = archived_until(this) %}
    {% if archived %}
    union
    -- Facts of archived months are not here: which of them a change touches the staging knows, and they are brought back.
    select s.transaction_id
    from changed_windows as w
    inner join {{ ref('stg_transactions') }} as s
        on s.customer_id = w.customer_id and s.transaction_date >= w.starts and s.transaction_date < w.ends
    where w.starts < {{ archived }} and s.transaction_date < {{ archived }}
    {% endif %}
    except
    select transaction_id from changed
),
{% endif %}

transactions as (
    {% if is_incremental() %}
    select * from changed
    union all
    select t.transaction_id, t.customer_id, t.transaction_date, t.amount, t.transaction_type, t.status, t._loaded_at
    -- By the index, one at a time, in its order: neighbours are found together, and staged so.
    from (select transaction_id from restated order by transaction_id) as r
    cross join lateral (
        select * from {{ ref('stg_transactions') }} as s where s.transaction_id = r.transaction_id offset 0
    ) as t
    {% else %}
    select * from {{ ref('stg_transactions') }}
    {% endif %}
),

final as (
    select
        t.transaction_id,
        t.customer_id,
        c.customer_sk,
        t.transaction_date,
        t.amount,
        t.transaction_type,
        t.status,
        c.segment,
        c.plan_type,
        t._loaded_at
    from transactions as t
    {% if is_incremental() %}
    -- By the index, one at a time: the last version that began by then, unless it had ended.
    left join lateral (
        select * from {{ ref('dim_customer') }} as d
        where d.customer_id = t.customer_id and d.valid_from <= t.transaction_date
        order by d.valid_from desc limit 1
    ) as c on t.transaction_date < coalesce(c.valid_to, 'infinity')
    {% else %}
    left join {{ ref('dim_customer') }} as c
        on c.customer_id = t.customer_id
        and c.valid_from <= t.transaction_date
        and t.transaction_date < coalesce(c.valid_to, 'infinity')
    {% endif %}
)

select * from final
