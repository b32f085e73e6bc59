-- what one try of a delivery needs; for who sends alone
SELECT d.id, d.webhook, w.party, d.event, e.kind, e.subject, d.state, d.tries, d.next, d.job, d.created, d.ended,
  w.url, w.enabled, w.failing, e.body, w.secret, CASE WHEN w.old_until > ?2 THEN w.old END
FROM delivery d JOIN webhook w ON w.id = d.webhook JOIN event e ON e.id = d.event WHERE d.id = ?1
