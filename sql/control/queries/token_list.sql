-- the tokens of a party, or of one person of it, newest first; never what they open with
SELECT t.hash, t.id, t.person, t.party, p.roles, t.name, t.scopes, t.created, t.ends, t.used, t.revoked FROM token AS t JOIN person AS p ON p.id = t.person WHERE t.party = ?1 AND (?2 = '' OR t.person = ?2) AND (?3 = '' OR t.id < ?3) ORDER BY t.id DESC LIMIT ?4
