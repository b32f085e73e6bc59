-- schedules that fall due, of all parties, for who runs them
SELECT id, party, person, name, entrustment, question, days, cron, formats, state, coalesce(reason, ''), next, last, job, version, created
FROM schedule WHERE state = 'active' AND next <= ? ORDER BY next LIMIT 100
