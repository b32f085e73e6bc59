-- forgets all programs of a person but the ten newest
DELETE FROM device WHERE person = ?1 AND hash NOT IN (SELECT hash FROM device WHERE person = ?1 ORDER BY at DESC LIMIT 10)
