-- One row for each message: its entries differ in name and value only.
select distinct topic, incarnation, partition, "offset", tenant_id, thread_id, time from metrics where not repeated
