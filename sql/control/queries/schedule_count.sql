-- how many schedules a party has
SELECT count(*) FROM schedule WHERE party = ?
