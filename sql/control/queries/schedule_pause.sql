-- pauses a schedule whose run was refused
UPDATE schedule SET state = 'paused', reason = ?2, version = version + 1 WHERE id = ?1 AND state = 'active'
