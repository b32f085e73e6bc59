-- sends a delivery to a webhook of a party again, by another job, if the webhook is enabled
UPDATE delivery SET state = 'waiting', tries = 0, next = ?4, job = ?5, ended = 0
WHERE id = ?1 AND webhook = ?2 AND EXISTS (SELECT 1 FROM webhook w WHERE w.id = ?2 AND w.party = ?3 AND w.enabled = 1)
