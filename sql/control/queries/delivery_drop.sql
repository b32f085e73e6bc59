-- ends what is on its way to a webhook that was disabled
UPDATE delivery SET state = 'dropped', ended = ?2 WHERE webhook = ?1 AND state = 'waiting'
