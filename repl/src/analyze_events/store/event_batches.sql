select tenant_id, thread_id, time, event_count from event_batches where not repeated
