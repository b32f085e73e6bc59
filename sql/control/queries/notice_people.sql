-- who of a party is told of a kind of event by their roles (?2, and none of ?4), and whether by mail; for who tells
SELECT p.id, EXISTS (SELECT 1 FROM notice_mail m, json_each(m.kinds) k WHERE m.person = p.id AND k.value = ?3)
FROM person p
WHERE p.party = ?1 AND p.disabled = 0 AND EXISTS (SELECT 1 FROM json_each(p.roles) r WHERE r.value IN (SELECT value FROM json_each(?2)))
  AND NOT EXISTS (SELECT 1 FROM json_each(p.roles) r WHERE r.value IN (SELECT value FROM json_each(?4))) ORDER BY p.id
