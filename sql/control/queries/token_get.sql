-- whose token it is, with their roles of now; a disabled person has none
SELECT t.hash, t.id, t.person, t.party, p.roles, t.name, t.scopes, t.created, t.ends, t.used, t.revoked FROM token AS t JOIN person AS p ON p.id = t.person WHERE t.hash = ? AND p.disabled = 0
