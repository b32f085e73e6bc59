-- changes a schedule of a party, as it was read
UPDATE schedule SET name = ?3, question = ?4, days = ?5, cron = ?6, formats = ?7, state = ?8, reason = nullif(?9, ''), next = ?10, version = version + 1
WHERE id = ?1 AND party = ?2 AND version = ?11
