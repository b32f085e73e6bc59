-- the inbox of a person, newest first; the person alone sees it
SELECT n.id, n.person, e.id, e.kind, e.subject, e.data, e.at, n.read
FROM notice n JOIN event e ON e.id = n.event
WHERE n.person = ?1 AND (?2 = 0 OR n.read = 0) AND (?3 = '' OR n.id < ?3) ORDER BY n.id DESC LIMIT ?4
