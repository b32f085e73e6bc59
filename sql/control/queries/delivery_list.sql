-- deliveries to a webhook of a party, newest first, each with its last 20 tries
SELECT d.id, d.webhook, w.party, d.event, e.kind, e.subject, d.state, d.tries, d.next, d.job, d.created, d.ended,
  (SELECT json_group_array(json_array(at, status, fault, took)) FROM (SELECT at, status, fault, took FROM delivery_try WHERE delivery = d.id ORDER BY rowid DESC LIMIT 20))
FROM delivery d JOIN webhook w ON w.id = d.webhook JOIN event e ON e.id = d.event
WHERE w.party = ?1 AND d.webhook = ?2 AND (?3 = '' OR d.state = ?3) AND (?4 = '' OR d.id < ?4) ORDER BY d.id DESC LIMIT ?5
