-- a job ends, once
UPDATE job SET state = ?2, result = nullif(?3, ''), reason = nullif(?4, ''), ended = ?5, version = version + 1 WHERE id = ?1 AND ended = 0
