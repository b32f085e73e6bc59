-- the inbox of a person, newest first, as they were told; the person alone sees it
SELECT n.id, n.person, e.id, e.kind, e.subject, e.data, e.at, n.read
FROM notice n JOIN event e ON e.id = n.event
WHERE n.person = ?1 AND (?2 = 0 OR n.read = 0)
  AND (?3 = '' OR CASE WHEN EXISTS (SELECT 1 FROM notice WHERE id = ?3) THEN n.rowid < (SELECT rowid FROM notice WHERE id = ?3) ELSE n.id < ?3 END)
ORDER BY n.rowid DESC LIMIT ?4
