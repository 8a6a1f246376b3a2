select tenant_id, thread_id, time, event_type, node_id, duration_us from events where not repeated
