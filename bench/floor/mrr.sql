-- The months of `months` anew, from the sums by customer and month.
analyze months;
delete from platinum.mart_mrr_monthly where month in (select month from months);
insert into platinum.mart_mrr_monthly
select k.month, coalesce(sum(m.mrr), 0), count(*) filter (where m.mrr > 0),
    coalesce(sum(m.mrr) filter (where m.before = 0 and not m.back), 0),
    coalesce(sum(m.mrr) filter (where m.back), 0),
    coalesce(sum(greatest(m.mrr - m.before, 0)) filter (where m.mrr > 0 and m.before > 0), 0),
    coalesce(sum(greatest(m.before - m.mrr, 0)) filter (where m.mrr > 0 and m.before > 0), 0),
    coalesce(sum(m.before) filter (where m.mrr = 0), 0),
    count(*) filter (where m.mrr > 0 and m.before = 0 and not m.back),
    count(*) filter (where m.mrr = 0)
from months as k
left join (
    select month, coalesce(c.mrr, 0) as mrr, coalesce(p.mrr, 0) as before,
        p.customer_id is null and exists (
            select from help.customer_month as e
            where e.customer_id = c.customer_id and e.month < c.month and e.mrr > 0
        ) as back
    from (
        select customer_id, month, mrr from help.customer_month
        where mrr > 0 and month in (select month from months)
    ) as c
    full join (
        select customer_id, (month + interval '1 month')::date as month, mrr from help.customer_month
        where mrr > 0 and month in (select (month - interval '1 month')::date from months)
    ) as p using (customer_id, month)
) as m on m.month = k.month
group by k.month;
delete from platinum.mart_kpis_monthly where month in (select month from months);
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
where m.month in (select month from months);
