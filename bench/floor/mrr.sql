-- The months of `months` anew from the movements; the KPIs of `kpi_months`.
delete from platinum.mart_mrr_monthly where month in (select month from months);
insert into platinum.mart_mrr_monthly
select k.month, coalesce(sum(m.mrr) filter (where not m.lost), 0), count(*) filter (where not m.lost),
    coalesce(sum(m.mrr) filter (where m.first), 0),
    coalesce(sum(m.mrr) filter (where not m.lost and m.before = 0 and not m.first), 0),
    coalesce(sum(greatest(m.mrr - m.before, 0)) filter (where m.before > 0), 0),
    coalesce(sum(greatest(m.before - m.mrr, 0)) filter (where m.before > 0), 0),
    coalesce(sum(m.mrr) filter (where m.lost), 0),
    count(*) filter (where m.first), count(*) filter (where m.lost)
from months as k
left join lateral (
    select mrr, before, first, false as lost from help.movement where month = k.month
    union all
    select mrr, 0, false, true from help.movement
    where month = (k.month - interval '1 month')::date and not stays
) as m on true
group by k.month;
delete from platinum.mart_kpis_monthly where month in (select month from kpi_months);
insert into platinum.mart_kpis_monthly
select m.month, coalesce(r.revenue, 0), m.mrr, m.active_customers, m.new_customers, m.churned_customers,
    round(m.churned_customers::numeric / nullif(b.active_customers, 0), 4),
    round(m.mrr / nullif(m.active_customers, 0), 2),
    coalesce(s.amount, 0), round(coalesce(s.amount, 0) / nullif(m.new_customers, 0), 2)
from platinum.mart_mrr_monthly as m
left join platinum.mart_mrr_monthly as b on b.month = (m.month - interval '1 month')::date
left join (select month, sum(revenue) as revenue from platinum.mart_revenue_monthly group by 1) as r on r.month = m.month
left join (
    select date_trunc('month', spend_date)::date as month, sum(amount) as amount
    from silver.stg_marketing_spend group by 1
) as s on s.month = m.month
where m.month in (select month from kpi_months);
