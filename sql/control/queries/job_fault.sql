-- an attempt of a job broke
UPDATE job SET faults = faults + 1, version = version + 1 WHERE id = ?1 AND ended = 0 RETURNING faults
