select tenant_id, thread_id, time from state_diffs where not repeated
