-- a party cancels a job of its own: one that waits ends at once
UPDATE job SET canceled = 1, version = version + 1,
  ended = CASE state WHEN 'waiting' THEN ?3 ELSE 0 END, state = CASE state WHEN 'waiting' THEN 'canceled' ELSE state END
WHERE id = ?1 AND party = ?2 AND ended = 0
