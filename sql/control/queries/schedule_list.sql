-- schedules of a party, newest first
SELECT id, party, person, name, entrustment, question, days, cron, formats, state, coalesce(reason, ''), next, last, job, version, created
FROM schedule WHERE party = ?1 AND (?2 = '' OR id < ?2) ORDER BY id DESC LIMIT ?3
