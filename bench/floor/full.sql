-- Everything from bronze, by `create table as`; indexes after the rows.
-- step: begin
drop schema silver, gold, platinum, help cascade;
create schema silver;
create schema gold;
create schema platinum;
create schema help;

-- step: stg_transactions
create table silver.stg_transactions as
select distinct on (transaction_id)
    transaction_id, customer_id, transaction_date, amount, transaction_type, status, _loaded_at, _batch_id, _row_number
from bronze.transactions
order by transaction_id, _batch_id desc, _row_number desc;
alter table silver.stg_transactions add primary key (transaction_id);

-- step: stg_customers
create table silver.stg_customers as
select distinct on (customer_id, updated_at)
    customer_id, name, email, segment, plan_type, acquisition_channel, created_at, updated_at,
    _loaded_at, _batch_id, _row_number
from bronze.customers
order by customer_id, updated_at, _batch_id desc, _row_number desc;
alter table silver.stg_customers add primary key (customer_id, updated_at);

-- step: stg_marketing_spend
create table silver.stg_marketing_spend as
select distinct on (spend_date, channel) spend_date, channel, amount, _loaded_at, _batch_id, _row_number
from bronze.marketing_spend
order by spend_date, channel, _batch_id desc, _row_number desc;
alter table silver.stg_marketing_spend add primary key (spend_date, channel);

-- step: dim_customer
create table gold.dim_customer (
    customer_sk bigint generated always as identity primary key, customer_id text not null, name text, email text,
    segment text, plan_type text, acquisition_channel text, created_at timestamptz, valid_from timestamptz not null,
    valid_to timestamptz, is_current boolean not null, unique (customer_id, valid_from)
);
insert into gold.dim_customer (
    customer_id, name, email, segment, plan_type, acquisition_channel, created_at, valid_from, valid_to, is_current
)
select *, valid_to is null
from (
    select customer_id, name, email, segment, plan_type, acquisition_channel, created_at, valid_from,
        lead(valid_from) over (partition by customer_id order by updated_at) as valid_to
    from (
        select customer_id, name, updated_at, segment, plan_type,
            last_value(email) over history as email,
            first_value(acquisition_channel) over history as acquisition_channel,
            first_value(created_at) over history as created_at,
            case when row_number() over changes = 1 and created_at <= updated_at then created_at
                else updated_at end as valid_from,
            row_number() over changes = 1
            or row(segment, plan_type, name) is distinct from
                row(lag(segment) over changes, lag(plan_type) over changes, lag(name) over changes) as starts
        from silver.stg_customers
        window changes as (partition by customer_id order by updated_at),
            history as (partition by customer_id order by updated_at rows between unbounded preceding and unbounded following)
    ) as compared
    where starts
) as versions;

-- step: fct_transactions
analyze gold.dim_customer;
analyze silver.stg_transactions;
create table gold.fct_transactions as
select t.transaction_id, t.customer_id, d.customer_sk, t.transaction_date, t.amount, t.transaction_type, t.status,
    d.segment, d.plan_type, t._loaded_at
from silver.stg_transactions as t
left join gold.dim_customer as d
    on d.customer_id = t.customer_id and t.transaction_date >= d.valid_from
    and (d.valid_to is null or t.transaction_date < d.valid_to);

-- step: fct_transactions indexes
alter table gold.fct_transactions add primary key (transaction_id);
create index on gold.fct_transactions (transaction_date);
create index on gold.fct_transactions (customer_id, transaction_date);
analyze gold.fct_transactions;

-- step: counters
create table help.segment_customer as
select date_trunc('month', transaction_date)::date as month, coalesce(segment, 'unknown') as segment, customer_id,
    sum(amount) as revenue, count(*) as n
from gold.fct_transactions where status = 'completed' group by 1, 2, 3;
create table help.day_customer as
select transaction_date::date as day, customer_id, sum(amount) as revenue, count(*) as n
from gold.fct_transactions where status = 'completed' group by 1, 2;
create table help.customer_month as
select customer_id, date_trunc('month', transaction_date)::date as month, sum(amount) as mrr, count(*) as n
from gold.fct_transactions where status = 'completed' and transaction_type = 'subscription' group by 1, 2;
alter table help.segment_customer add primary key (month, segment, customer_id);
alter table help.day_customer add primary key (day, customer_id);
alter table help.customer_month add primary key (customer_id, month);
create index on help.customer_month (month);
create table help.movement as
select month, customer_id, mrr,
    case when lag(month) over months = (month - interval '1 month')::date then lag(mrr) over months else 0 end as before,
    coalesce(lead(month) over months = (month + interval '1 month')::date, false) as stays,
    lag(month) over months is null as first
from help.customer_month where mrr > 0
window months as (partition by customer_id order by month);
alter table help.movement add primary key (month, customer_id);
analyze help.customer_month;
analyze help.movement;

-- step: marts
create table platinum.mart_revenue_monthly as
select month, segment, sum(revenue) as revenue, sum(n)::bigint as transactions, count(*) as customers
from help.segment_customer group by 1, 2;
create table platinum.mart_revenue_daily as
select day, sum(revenue) as revenue, sum(n)::bigint as transactions, count(*) as customers
from help.day_customer group by 1;
alter table platinum.mart_revenue_monthly add primary key (month, segment);
alter table platinum.mart_revenue_daily add primary key (day);
create temporary table months on commit drop as
select generate_series(min(month), max(month), interval '1 month')::date as month from help.customer_month;
create temporary table kpi_months on commit drop as select month from months;
create table platinum.mart_mrr_monthly (
    month date primary key, mrr numeric, active_customers bigint, new_mrr numeric, reactivation_mrr numeric,
    expansion_mrr numeric, contraction_mrr numeric, churned_mrr numeric, new_customers bigint, churned_customers bigint
);
create table platinum.mart_kpis_monthly (
    month date primary key, revenue numeric, mrr numeric, active_customers bigint, new_customers bigint,
    churned_customers bigint, churn_rate numeric, arpu numeric, marketing_spend numeric, cac numeric
);
-- include: mrr.sql
