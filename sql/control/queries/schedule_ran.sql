-- a schedule's next time, once a run of it is a job
UPDATE schedule SET next = ?2, last = ?3, job = ?4, version = version + 1 WHERE id = ?1 AND next = ?5
