select tenant_id, thread_id, time, severity from errors where not repeated
