-- The thread of the message with that id. $1: message_id.
SELECT DISTINCT topic, incarnation, tenant_id, thread_id FROM events WHERE message_id = $1
