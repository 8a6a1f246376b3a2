select tenant_id, thread_id, time from checkpoints where not repeated
