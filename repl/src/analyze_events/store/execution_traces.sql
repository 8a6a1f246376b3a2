select tenant_id, thread_id, time, completed from execution_traces where not repeated
