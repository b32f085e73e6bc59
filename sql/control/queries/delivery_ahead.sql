-- how many deliveries to the same webhook are due before one, at most 1000; for who sends alone
SELECT count(*) FROM (SELECT 1 FROM delivery WHERE webhook = ?1 AND state = 'waiting' AND next <= ?3 AND id < ?2 LIMIT 1000)
