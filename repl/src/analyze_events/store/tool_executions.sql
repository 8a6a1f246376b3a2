select tenant_id, thread_id, time, call_id, tool_name, stage, duration_us, retry_count from tool_executions where not repeated
