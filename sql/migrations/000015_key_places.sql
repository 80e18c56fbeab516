-- Where each key of a partitioned relation lies: a table a relation, which makes its keys unique over all partitions.
create schema if not exists strata_keys;
