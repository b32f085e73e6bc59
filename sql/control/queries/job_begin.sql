-- a job that waits is begun
UPDATE job SET state = 'running', started = ?2, version = version + 1 WHERE id = ?1 AND state = 'waiting'
