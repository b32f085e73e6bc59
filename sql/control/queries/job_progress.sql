-- how far a job is
UPDATE job SET read = ?2, whole = ?3, version = version + 1 WHERE id = ?1 AND ended = 0
