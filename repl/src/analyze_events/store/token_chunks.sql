select tenant_id, thread_id, time, request_id, prompt_tokens, completion_tokens, total_tokens from token_chunks where not repeated
