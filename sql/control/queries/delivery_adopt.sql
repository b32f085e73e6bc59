-- gives a waiting delivery another job to drive it
UPDATE delivery SET job = ?2 WHERE id = ?1 AND state = 'waiting'
