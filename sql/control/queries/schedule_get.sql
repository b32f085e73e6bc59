-- one schedule of a party; of any party ('*') for who runs it
SELECT id, party, person, name, entrustment, question, days, cron, formats, state, coalesce(reason, ''), next, last, job, version, created
FROM schedule WHERE id = ?1 AND (party = ?2 OR ?2 = '*')
