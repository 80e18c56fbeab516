-- mrr(m) = mrr(m-1) + new + reactivation + expansion - contraction - churned
with
movements as (
    select
        month,
        mrr - lag(mrr, 1, 0) over (order by month) as difference,
        new_mrr + reactivation_mrr + expansion_mrr - contraction_mrr - churned_mrr as explained
    from {{ ref('mart_mrr_monthly') }}
)

select * from movements where difference <> explained
