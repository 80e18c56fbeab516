set work_mem = '512MB';
set maintenance_work_mem = '512MB';
set hash_mem_multiplier = 2;
set max_parallel_workers_per_gather = 2;
set random_page_cost = 1.1;
set jit = off;
